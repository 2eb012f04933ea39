import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import { DEBIAN_SOURCE_FLAGS } from '../src/roles/debian-flags.js';
import { GATEWAY_FLAGS, gatewaySettings } from '../src/roles/gateway-flags.js';
import {
  INDEX_FLAGS,
  NETWORK_FLAGS,
  networkSettings,
  networkWish,
  PUBLIC_INDEX_FLAG,
  RATE_FLAGS,
} from '../src/roles/network-flags.js';

export default class Node extends XCommand {
  static override summary =
    'Be part of the public swarm: fetch through it, and serve what is held.';
  static override description =
    'Public packages that are held here, in the store or in marked files (x scan), are told of and served to whoever asks; what pip, npm and apt of this machine ask the gateway for comes from other nodes and the official source, whichever is quicker, and only whole and verified. Private packages are neither named nor served. Others are met through nodes remembered, on the local network, in the BitTorrent DHT, and with --peer; no server is needed.';
  static override examples = [
    '<%= config.bin %> node',
    '<%= config.bin %> node --quota 200GB --heavy',
    '<%= config.bin %> node --network office --no-rendezvous --peer depot.lan',
  ];

  static override flags = {
    quota: Flags.string({
      helpValue: 'SIZE',
      default: '10GB',
      summary: 'What is kept at most, 1GB or more.',
    }),
    heavy: Flags.boolean({
      summary: 'A large store that stays (default from 100GB on).',
      exclusive: ['light'],
    }),
    light: Flags.boolean({ summary: 'A machine that comes and goes.', exclusive: ['heavy'] }),
    ...NETWORK_FLAGS,
    ...RATE_FLAGS,
    ...INDEX_FLAGS,
    ...GATEWAY_FLAGS,
    ...PUBLIC_INDEX_FLAG,
    ...DEBIAN_SOURCE_FLAGS,
  };

  protected override get printsEvents(): boolean {
    return true;
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Node);
    const settings = await this.settings({
      data: flags.data,
      ...gatewaySettings(flags),
      ...networkSettings(flags),
      peers: flags.peer,
    });
    const { runNode } = await import('../src/roles/node.js');
    await runNode({
      settings,
      printer: this.printer(flags),
      wish: networkWish(flags),
      serveIndexes: flags['serve-indexes'],
      kind: flags.heavy ? 'heavy' : flags.light ? 'light' : undefined,
      quota: flags.quota,
      publicIndexes: flags['public-index'] ?? [],
      debian: {
        mirror: flags['debian-mirror'],
        suites: flags['debian-suite'] ?? [],
        components: flags['debian-component'] ?? [],
        keyring: flags['debian-keyring'],
      },
    });
  }
}
