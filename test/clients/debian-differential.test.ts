import { comparePlans } from './debian-plans.js';

/** From one package to a desktop; what takes apt and X longer is in test/soak. */
const LISTS = [
  'hello',
  'nginx-light',
  'git',
  'vim curl build-essential',
  'python3-numpy',
  'postgresql',
  'default-jdk',
  'apache2 mariadb-server php libapache2-mod-php',
  'docker.io docker-compose',
  'wine exim4',
  'postfix dovecot-imapd spamassassin',
  'ffmpeg imagemagick graphviz',
  'systemd-sysv network-manager',
  'bsd-mailx mutt',
  'nodejs npm',
];

comparePlans('minbase', LISTS);
comparePlans('none', LISTS.slice(0, 6));
