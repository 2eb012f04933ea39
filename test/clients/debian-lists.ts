/** What people ask apt for: one `apt-get install` a line, from one package to a desktop. */
export const LISTS: readonly string[] = [
  // single tools, servers
  'hello',
  'nginx-light',
  'nginx postgresql',
  'git',
  'vim curl build-essential',
  'apache2 mariadb-server php libapache2-mod-php',
  'postgresql postgresql-contrib postgis pgbouncer',
  'postfix dovecot-imapd spamassassin',
  'exim4 wine',
  'wine exim4',
  'bsd-mailx mutt',
  'samba winbind krb5-user sssd',
  'bind9 isc-dhcp-server unbound',
  'openssh-server fail2ban ufw nftables chrony',
  'redis-server memcached rabbitmq-server',
  'haproxy keepalived varnish squid',
  'prometheus prometheus-node-exporter',
  'docker.io docker-compose',
  'podman buildah skopeo',
  'lxc qemu-system-x86 libvirt-daemon-system virtinst',
  'slapd ldap-utils phpldapadmin',
  // compilers and languages
  'build-essential gdb valgrind cmake ninja-build meson',
  'gcc-multilib g++-multilib',
  'gcc-aarch64-linux-gnu crossbuild-essential-arm64',
  'clang lldb lld clang-format',
  'default-jdk maven gradle ant',
  'golang rustc cargo',
  'ghc cabal-install ocaml opam',
  'nodejs npm',
  'ruby-full rails',
  'python3 python3-pip python3-venv python3-dev',
  'python3-numpy',
  'python3-scipy python3-pandas python3-matplotlib jupyter-notebook',
  'python3-django python3-flask python3-sqlalchemy python3-psycopg2',
  'libdbi-perl libdbd-pg-perl libwww-perl libmojolicious-perl',
  'perl-doc libmoose-perl starman',
  'r-base r-cran-ggplot2 octave',
  'texlive-latex-extra latexmk',
  // alternatives, virtual packages, conflicts
  'default-mta',
  'default-mysql-server default-libmysqlclient-dev',
  'libgl1-mesa-dri libegl-dev libcurl4-gnutls-dev',
  'systemd-sysv network-manager',
  'sysvinit-core elogind',
  'openrc',
  'rsyslog cron logrotate anacron',
  'console-setup keyboard-configuration locales',
  'dbus-x11 policykit-1 udisks2',
  'linux-image-amd64 linux-headers-amd64',
  'firmware-linux-free wireless-regdb',
  'firmware-iwlwifi firmware-realtek intel-microcode',
  'dkms build-essential module-assistant',
  'grub-efi-amd64 shim-signed efibootmgr cryptsetup-initramfs lvm2',
  // media, desktops
  'ffmpeg imagemagick graphviz',
  'libreoffice gimp vlc',
  'task-xfce-desktop',
  'task-ssh-server task-web-server',
  'lxqt sddm',
  'gnome',
  'kde-standard firefox-esr',
  'chromium thunderbird keepassxc',
  'xserver-xorg xinit openbox',
  'cups printer-driver-all hplip',
  'ansible shellcheck',
  'emacs ripgrep fd-find fzf tmux zsh',
];

/** On a machine that has i386 as well. */
export const FOREIGN_LISTS: readonly string[] = [
  'wine32:i386',
  'wine wine32:i386 wine64',
  'libc6:i386 libstdc++6:i386 zlib1g:i386',
  'libgl1:i386 libgl1-mesa-dri:i386',
  'hello:i386',
  'gcc-multilib libc6-dev:i386',
  'steam-installer',
  'libasound2-plugins:i386 libpulse0:i386',
  'nginx-light python3:i386',
];

/** With names from backports. */
export const BACKPORT_LISTS: readonly string[] = ['git/backports', 'linux-image-amd64/backports'];

/**
 * apt marks what a backport needs only in part and gives up over the whole archive; X finds the
 * answer, and in the pruned repository so does apt.
 */
export const BACKPORTS_FOUND: readonly string[] = ['systemd/backports', 'golang-go/backports'];
