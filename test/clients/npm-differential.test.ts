import { compareSets } from './npm-compare.js';
import { NPM_SETS } from './npm-sets.js';

// The rest, on more platforms, is test/soak's.
compareSets(
  NPM_SETS.filter(({ everyday }) => everyday === true),
  { platforms: ['linux/amd64/glibc2.36', 'linux/arm64/musl1.2', 'windows/amd64'], unpackAll: true },
);
