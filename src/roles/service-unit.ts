export type ServiceRole = 'source' | 'client' | 'gateway' | 'node';

const PURPOSES: Record<ServiceRole, string> = {
  source: 'packages for machines without a network',
  client: 'packages for machines without a network',
  gateway: 'packages from their official sources, checked and kept',
  node: 'packages from everyone, for everyone',
};

export interface ServiceUnit {
  role: ServiceRole;
  /** The Node that runs x. */
  node: string;
  /** bin/run.js */
  run: string;
  /** The data folder. */
  folder: string;
  /** Where relative paths among the arguments begin. */
  cwd: string;
  /** Of `x source`, `x client`, `x gateway` or `x node`. */
  args: readonly string[];
  /** For a user's own unit, whose; undefined for the machine's. */
  user: string | undefined;
}

/**
 * A systemd unit. It stops by SIGTERM, which x answers by finishing what it is at, is started again
 * after a failure, and may write nowhere but to the data folder. The journal keeps and rotates what
 * it prints.
 * @see systemd.service(5), systemd.exec(5)
 */
export function unitText({ role, node, run, folder, cwd, args, user }: ServiceUnit): string {
  const command = [node, run, role, '--data', folder, ...args].map(escaped).join(' ');
  return `[Unit]
Description=x ${role}: ${PURPOSES[role]}
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
# Young garbage in 12 MiB instead of 48: what is moved is collected after every few megabytes anyway.
Environment=NODE_OPTIONS=--max-semi-space-size=4
WorkingDirectory=${cwd.replaceAll('%', '%%')}
ExecStart=${command}
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
KillMode=mixed
LimitNOFILE=65536
${user === undefined ? sandbox(folder) : ''}
[Install]
WantedBy=${user === undefined ? 'multi-user.target' : 'default.target'}
`;
}

/** What a user's own systemd may not set is left out there. */
function sandbox(folder: string): string {
  return `NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${quoted(folder.replaceAll('%', '%%'))}
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
`;
}

/** A word of ExecStart: quoted where it has to be, with specifiers and variables taken literally. */
function escaped(word: string): string {
  return quoted(word.replaceAll('%', '%%').replaceAll('$', '$$$$'));
}

function quoted(literal: string): string {
  if (/^[A-Za-z0-9_@:./=+,%$-]+$/.test(literal)) return literal;
  return `"${literal.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
