import { compareSets } from '../clients/npm-compare.js';
import { NPM_SETS } from '../clients/npm-sets.js';

// `X_PART=2/8` runs the second of eight parts.
const [part = 1, parts = 1] = (process.env['X_PART'] ?? '1/1').split('/').map(Number);
compareSets(NPM_SETS.filter((_, at) => at % parts === part - 1));
