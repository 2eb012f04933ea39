import { comparePlans } from './debian-compare.js';

/** A cut through what test/soak compares in full: from one package to a desktop. */
const LISTS = [
  'hello',
  'nginx-light',
  'vim curl build-essential',
  'postgresql postgresql-contrib postgis pgbouncer',
  'apache2 mariadb-server php libapache2-mod-php',
  'docker.io docker-compose',
  'wine exim4',
  'default-jdk maven gradle ant',
  'systemd-sysv network-manager',
  'python3-scipy python3-pandas python3-matplotlib jupyter-notebook',
  'task-xfce-desktop',
];

await comparePlans(
  { release: 'bookworm', base: 'minbase', suites: ['security'] },
  { lists: LISTS, refused: ['mail-transport-agent nullmailer', 'hello x-no-such-package'] },
);
await comparePlans(
  { release: 'bookworm', base: 'minbase', foreign: ['i386'] },
  { lists: ['wine wine32:i386', 'libc6:i386 libgl1:i386'], refused: ['git:i386'] },
);
await comparePlans(
  { release: 'trixie', base: 'minbase', suites: ['security'] },
  { lists: ['nginx-light', 'apache2 mariadb-server php libapache2-mod-php', 'git vim curl'] },
);
