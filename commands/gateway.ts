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

export default class Gateway extends XCommand {
  static override summary = 'Serve pip, npm and apt from their official sources, checked and kept.';
  static override description =
    'For people who only change their sources. Indexes come from the official sources that pip, npm and apt of this machine are configured with; files from what is kept here, from marked files (x scan), from the public swarm where a node of it is known (--peer, or met before), and at last from there. A file goes out whole only when it has the hash that its index says, and only then it is kept. Where an official source does not answer, the last index that was seen is used and its age is said. Several gateways behind a balancer need nothing of each other.';
  static override examples = [
    '<%= config.bin %> gateway',
    '<%= config.bin %> gateway --bind 0.0.0.0 --tls --hostname depot.lan --allow 10.0.0.0/8',
    '<%= config.bin %> gateway --quota 200GB --access-log /var/log/x.log',
    '<%= config.bin %> gateway --peer node.lan --trust-index did:key:z6Mk…',
  ];

  static override flags = {
    ...GATEWAY_FLAGS,
    swarm: Flags.boolean({
      allowNo: true,
      default: true,
      helpGroup: 'NETWORK',
      summary: 'Ask the public swarm first, and serve it, where a node of it is known.',
    }),
    ...NETWORK_FLAGS,
    rendezvous: Flags.boolean({ ...NETWORK_FLAGS.rendezvous, default: false }),
    upnp: Flags.boolean({ ...NETWORK_FLAGS.upnp, default: false }),
    ...RATE_FLAGS,
    ...INDEX_FLAGS,
    quota: Flags.string({
      helpValue: 'SIZE',
      default: '50GB',
      summary: 'What is kept at most; what was used longest ago goes first.',
    }),
    ...PUBLIC_INDEX_FLAG,
    ...DEBIAN_SOURCE_FLAGS,
  };

  protected override get printsEvents(): boolean {
    return true;
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Gateway);
    const settings = await this.settings({
      data: flags.data,
      ...gatewaySettings(flags),
      ...networkSettings(flags),
      peers: flags.peer,
    });
    const { runOpenGateway } = await import('../src/roles/open-gateway.js');
    await runOpenGateway({
      settings,
      printer: this.printer(flags),
      publicIndexes: flags['public-index'] ?? [],
      quota: flags.quota,
      wish: flags.swarm ? networkWish(flags) : undefined,
      serveIndexes: flags['serve-indexes'],
      debian: {
        mirror: flags['debian-mirror'],
        suites: flags['debian-suite'] ?? [],
        components: flags['debian-component'] ?? [],
        keyring: flags['debian-keyring'],
      },
    });
  }
}
