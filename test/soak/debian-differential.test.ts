import { machineRelease } from '../../src/ecosystems/debian/machine-release.js';
import { comparePlans } from '../clients/debian-compare.js';
import {
  BACKPORTS_FOUND,
  BACKPORT_LISTS,
  FOREIGN_LISTS,
  FURTHER_LISTS,
  LISTS,
  WIDE_LISTS,
} from '../clients/debian-lists.js';

const REFUSED = ['mail-transport-agent nullmailer', 'hello x-no-such-package', 'hello=0.0'];
const without = (...names: string[]) =>
  LISTS.filter((list) => !names.some((name) => list.split(' ').includes(name)));

for (const release of ['bookworm', 'trixie']) {
  const of = (lists: readonly string[]) =>
    lists.map((list) => list.replaceAll('/backports', `/${release}-backports`));
  const lists = release === 'trixie' ? without('policykit-1') : LISTS;
  await comparePlans(
    { release, base: 'minbase', suites: ['security'] },
    { lists, either: [...WIDE_LISTS, ...FURTHER_LISTS], refused: REFUSED },
  );
  await comparePlans({ release, base: 'none' }, { lists });
  await comparePlans(
    { release, base: 'minbase', foreign: ['i386'] },
    { lists: [...FOREIGN_LISTS, ...lists], refused: ['git:i386'] },
  );
  await comparePlans(
    { release, base: 'minbase', suites: ['security', 'backports'] },
    { either: of(BACKPORT_LISTS), found: of(BACKPORTS_FOUND) },
  );
}

// What this machine has installed; only where it runs that release.
if ((await machineRelease('/etc/os-release')) === 'bookworm') {
  // Taking init away is left to apt's problem resolver, whose choices are its own (docs/debian.md).
  const lists = without('sysvinit-core', 'openrc', 'nodejs', 'ruby-full');
  await comparePlans(
    { release: 'bookworm', base: 'host', suites: ['security'] },
    { lists: ['', ...lists] },
  );
}
