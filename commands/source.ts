import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import {
  INDEX_FLAGS,
  NETWORK_FLAGS,
  networkSettings,
  PUBLIC_INDEX_FLAG,
  RATE_FLAGS,
} from '../src/roles/network-flags.js';
import { commaList, DEBIAN_SOURCE_FLAGS } from '../src/roles/debian-flags.js';
import { parseDid } from '../src/roles/did-flag.js';

export default class Source extends XCommand {
  static override summary =
    'Resolve requirement files, prove every file, sign a bundle, and serve it.';
  static override description = `Reads requirement files (pip requirements, package.json, lockfiles, Debian lists; package URLs in any of them), resolves the closure for the target, downloads and proves every file against its publisher, signs the bundle and serves it to clients until Ctrl-C.`;
  static override examples = [
    {
      description: 'Serve a bundle to the network:',
      command: '<%= config.bin %> source -r requirements.txt',
    },
    {
      description: 'Only show what would be carried:',
      command: '<%= config.bin %> source -r requirements.txt --dry-run',
    },
    {
      description: 'For another machine, onto a USB stick:',
      command:
        '<%= config.bin %> source -r requirements.txt --target linux/arm64/glibc2.36,python=3.11 --once --export /media/stick',
    },
  ];

  static override flags = {
    requirement: Flags.string({
      char: 'r',
      required: true,
      multiple: true,
      helpValue: 'FILE',
      summary: "A requirement file, or the address of one of pip's. May be given several times.",
    }),
    name: Flags.string({
      summary: "The bundle's name (default: the stem of the first file).",
      helpValue: 'NAME',
    }),
    'dry-run': Flags.boolean({ summary: 'Show the plan and stop.' }),
    once: Flags.boolean({ summary: 'Stop when the bundle is signed (and exported).' }),
    export: Flags.string({ summary: 'Write the bundle there as volumes.', helpValue: 'DIR' }),
    'volume-size': Flags.string({
      summary: 'The largest size of a volume: 4GB, 650MiB.',
      helpValue: 'SIZE',
      dependsOn: ['export'],
    }),
    parity: Flags.integer({
      min: 1,
      max: 16,
      helpValue: 'COUNT',
      summary: 'Export so many volumes more: as many may then be lost or torn, and are rebuilt.',
      dependsOn: ['export'],
    }),
    'with-runtime': Flags.boolean({
      summary: 'Export beside it what starts x on a machine that has neither x nor Node (60 MB).',
      dependsOn: ['export'],
    }),
    for: Flags.string({
      helpValue: 'WHO',
      summary:
        'Answer a request file (*.xreq): its target, and with --export only what is missing there. Or the DID or a name of a machine that was exported to before.',
      exclusive: ['target', 'python', 'node', 'platform', 'libc'],
    }),
    members: Flags.boolean({
      allowNo: true,
      helpGroup: 'NETWORK',
      summary:
        'Serve this bundle to members only (see x invite); --no-members opens it again (default: as it was; at first open to the local network).',
    }),
    wishes: Flags.boolean({
      dependsOn: ['for'],
      summary: 'Resolve also what the machine of --for asked for in vain (x wishes there).',
    }),
    trust: Flags.string({
      helpValue: 'DID',
      parse: parseDid,
      summary: "Answer this machine's first request.",
      dependsOn: ['for'],
    }),
    target: Flags.string({
      multiple: true,
      helpValue: 'SPEC',
      summary: 'linux/amd64/glibc2.36,python=3.12,node=22,debian=bookworm (default: this host).',
    }),
    python: Flags.string({
      ...commaList,
      helpValue: 'LIST',
      summary: 'Python versions; lists multiply into targets.',
    }),
    node: Flags.string({ ...commaList, helpValue: 'LIST', summary: 'Node versions.' }),
    platform: Flags.string({
      ...commaList,
      helpValue: 'LIST',
      summary: 'linux/amd64, windows/amd64, macos14/arm64…',
    }),
    'not-newer-than': Flags.string({
      helpValue: 'DATE|AGE',
      summary: 'Nothing published after it: 7d, 2w, 2026-01-31.',
    }),
    libc: Flags.string({ ...commaList, helpValue: 'LIST', summary: 'glibc2.28, musl1.2…' }),
    dev: Flags.boolean({
      allowNo: true,
      summary: "Carry package.json's devDependencies too (default: as npm is set).",
    }),
    ...PUBLIC_INDEX_FLAG,
    advisories: Flags.string({
      multiple: true,
      helpValue: 'FILE|DIR',
      helpGroup: 'NPM',
      summary: 'Advisories in the OSV format, carried so that npm audit works offline.',
    }),
    constraint: Flags.string({
      multiple: true,
      helpValue: 'FILE',
      helpGroup: 'PYTHON',
      summary: "Limits on versions of what is needed anyway, as pip's -c.",
    }),
    extra: Flags.string({
      ...commaList,
      helpValue: 'LIST',
      helpGroup: 'PYTHON',
      summary: 'Extras of pyproject.toml and pylock.toml (default: all; :none: for none).',
    }),
    group: Flags.string({
      ...commaList,
      helpValue: 'LIST',
      helpGroup: 'PYTHON',
      summary: 'Dependency groups of the same (default: all; :none: for none).',
    }),
    policy: Flags.option({
      options: ['pip', 'explicit'] as const,
      default: 'pip' as const,
      helpGroup: 'PYTHON',
      summary: 'Who may opt in to pre-releases and yanked files: any requirement, or only yours.',
    })(),
    'index-strategy': Flags.option({
      options: ['pinned', 'first', 'pip'] as const,
      default: 'pinned' as const,
      helpGroup: 'PYTHON',
      summary: 'Of several indexes with a name: one answers alone, or all as in pip.',
    })(),
    'one-version': Flags.boolean({
      allowNo: true,
      default: true,
      helpGroup: 'PYTHON',
      summary: 'Prefer one version for all targets.',
    }),
    ...DEBIAN_SOURCE_FLAGS,
    'debian-base': Flags.string({
      helpValue: 'BASE',
      helpGroup: 'DEBIAN',
      default: 'minbase',
      summary: 'What the target has already: minbase, host, none, or a dpkg status file.',
    }),
    'debian-snapshot': Flags.string({
      helpValue: 'DATE',
      helpGroup: 'DEBIAN',
      summary: 'The archive as of then (2026-01-31), where the mirror is a snapshot service.',
    }),
    upgrade: Flags.boolean({
      helpGroup: 'DEBIAN',
      summary: 'Carry upgrades of what the target has, as apt-get dist-upgrade would.',
    }),
    recommends: Flags.boolean({
      allowNo: true,
      default: true,
      helpGroup: 'DEBIAN',
      summary: 'Carry recommended packages too, as apt does.',
    }),
    listen: Flags.integer({
      min: 0,
      max: 65_535,
      helpValue: 'PORT',
      helpGroup: 'NETWORK',
      summary: 'The port to serve on (default 8471).',
    }),
    interface: Flags.string({
      multiple: true,
      helpValue: 'NAME',
      helpGroup: 'NETWORK',
      summary: 'A network interface to use (default: all that are not virtual).',
    }),
    mdns: Flags.boolean({
      allowNo: true,
      helpGroup: 'NETWORK',
      summary: 'Announce on the local network.',
    }),
    swarm: Flags.boolean({
      allowNo: true,
      default: true,
      helpGroup: 'NETWORK',
      summary: 'Fetch public files through the public swarm too, where a node of it is known.',
    }),
    network: NETWORK_FLAGS.network,
    peer: NETWORK_FLAGS.peer,
    ...RATE_FLAGS,
    'trust-index': INDEX_FLAGS['trust-index'],
  };

  protected override get printsEvents(): boolean {
    return !this.argv.includes('--dry-run');
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Source);
    const settings = await this.settings({
      data: flags.data,
      ...networkSettings(flags),
    });
    const { runSource } = await import('../src/roles/source.js');
    await runSource({
      settings,
      network: flags.swarm ? flags.network : undefined,
      peers: flags.peer ?? [],
      printer: this.printer(flags),
      files: flags.requirement,
      name: flags.name,
      dryRun: flags['dry-run'],
      members: flags.members,
      once: flags.once,
      exportTo: flags.export,
      parity: flags.parity,
      withRuntime: flags['with-runtime'],
      volumeSize: flags['volume-size'],
      for: flags.for,
      trust: flags.trust,
      wishes: flags.wishes,
      targets: {
        targets: flags.target ?? [],
        pythons: flags.python ?? [],
        nodes: flags.node ?? [],
        platforms: flags.platform ?? [],
        libcs: flags.libc ?? [],
      },
      dev: flags.dev,
      publicIndexes: flags['public-index'] ?? [],
      advisories: flags.advisories ?? [],
      notNewerThan: flags['not-newer-than'],
      python: {
        constraints: flags.constraint ?? [],
        extras: flags.extra,
        groups: flags.group,
        policy: flags.policy,
        indexStrategy: flags['index-strategy'],
        oneVersion: flags['one-version'],
      },
      debian: {
        mirror: flags['debian-mirror'],
        suites: flags['debian-suite'] ?? [],
        components: flags['debian-component'] ?? [],
        keyring: flags['debian-keyring'],
        base: flags['debian-base'],
        snapshot: flags['debian-snapshot'],
        upgrade: flags.upgrade,
        recommends: flags.recommends,
      },
    });
  }
}
