import { comparePlans } from '../clients/debian-plans.js';

/** Desktops, lists whose order matters to apt, and from nothing what elsewhere starts at a minimal install. */
const LISTS = [
  'default-jdk',
  'apache2 mariadb-server php libapache2-mod-php',
  'docker.io docker-compose',
  'wine exim4',
  'postfix dovecot-imapd spamassassin',
  'systemd-sysv network-manager',
  'qemu-system-x86 libvirt-daemon-system',
  'exim4 wine',
  'libreoffice gimp vlc',
  'task-xfce-desktop',
  'gnome',
  'kde-standard firefox-esr',
];

comparePlans('minbase', LISTS);
comparePlans('none', LISTS);
