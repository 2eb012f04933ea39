import { machineRelease } from '../../src/ecosystems/debian/machine-release.js';
import { comparePlans } from './debian-compare.js';
import { BACKPORTS_FOUND, BACKPORT_LISTS, FOREIGN_LISTS } from './debian-lists.js';

/** A cut through what test/soak compares in full: from one package to desktops. */
const LISTS = [
  'hello',
  'nginx-light',
  'vim curl build-essential',
  'postgresql-all',
  'apache2 mariadb-server php libapache2-mod-php',
  'docker.io docker-compose',
  'wine exim4',
  'bind9 isc-dhcp-server unbound',
  'samba winbind krb5-user sssd',
  'gcc-aarch64-linux-gnu crossbuild-essential-arm64',
  'clang lldb lld clang-format',
  'default-jdk maven gradle ant',
  'golang rustc cargo',
  'libdbi-perl libdbd-pg-perl libwww-perl libmojolicious-perl',
  'perl-doc libmoose-perl starman',
  'python3-scipy python3-pandas python3-matplotlib jupyter-notebook',
  'python3-django python3-flask python3-sqlalchemy python3-psycopg2',
  'default-mta',
  'default-mysql-server default-libmysqlclient-dev',
  'systemd-sysv network-manager',
  'sysvinit-core elogind',
  'linux-image-amd64 linux-headers-amd64',
  'texlive-latex-extra latexmk',
  'task-ssh-server task-web-server',
  'task-xfce-desktop',
  'task-cinnamon-desktop',
];

/** On what this machine has installed. */
const HOST_LISTS = [
  '',
  'nginx postgresql',
  'bsd-mailx mutt',
  'ffmpeg imagemagick graphviz',
  'r-base r-cran-ggplot2 octave',
  'task-ssh-server task-web-server',
];

await comparePlans(
  { release: 'bookworm', base: 'minbase', suites: ['security'] },
  {
    lists: LISTS,
    refused: ['mail-transport-agent nullmailer', 'cron systemd-cron', 'hello x-no-such-package'],
  },
);
await comparePlans(
  { release: 'bookworm', base: 'minbase', foreign: ['i386'] },
  { lists: FOREIGN_LISTS, refused: ['git:i386'] },
);
await comparePlans(
  { release: 'bookworm', base: 'minbase', suites: ['security', 'backports'] },
  {
    either: BACKPORT_LISTS.map((list) => list.replace('/', '/bookworm-')),
    found: BACKPORTS_FOUND.map((list) => list.replace('/', '/bookworm-')),
  },
);
if ((await machineRelease('/etc/os-release')) === 'bookworm') {
  await comparePlans(
    { release: 'bookworm', base: 'host', suites: ['security'] },
    { lists: HOST_LISTS },
  );
}
await comparePlans(
  { release: 'trixie', base: 'minbase', suites: ['security'] },
  {
    lists: [
      'nginx-light',
      'apache2 mariadb-server php libapache2-mod-php',
      'git vim curl',
      'default-jdk maven gradle ant',
      'python3-scipy python3-pandas python3-matplotlib jupyter-notebook',
      'task-xfce-desktop',
    ],
  },
);
