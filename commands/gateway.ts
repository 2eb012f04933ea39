import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import { DEBIAN_SOURCE_FLAGS } from '../src/roles/debian-flags.js';
import { GATEWAY_FLAGS, gatewaySettings } from '../src/roles/gateway-flags.js';
import { RATE_FLAGS } from '../src/roles/network-flags.js';

export default class Gateway extends XCommand {
  static override summary = 'Serve pip, npm and apt from their official sources, checked and kept.';
  static override description =
    'For people who only change their sources. Indexes come from the official sources that pip, npm and apt of this machine are configured with; files from what is kept here, from marked files (x scan), and at last from there. A file goes out whole only when it has the hash that its index says, and only then it is kept. Where an official source does not answer, the last index that was seen is used and its age is said. Several gateways behind a balancer need nothing of each other.';
  static override examples = [
    '<%= config.bin %> gateway',
    '<%= config.bin %> gateway --bind 0.0.0.0 --tls --hostname depot.lan --allow 10.0.0.0/8',
    '<%= config.bin %> gateway --quota 200GB --access-log /var/log/x.log',
  ];

  static override flags = {
    ...GATEWAY_FLAGS,
    ...RATE_FLAGS,
    quota: Flags.string({
      helpValue: 'SIZE',
      default: '50GB',
      summary: 'What is kept at most; what was used longest ago goes first.',
    }),
    'public-index': Flags.string({
      multiple: true,
      helpValue: 'URL',
      summary: 'An index or registry whose packages may be named in public.',
    }),
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
      up: flags.up,
      down: flags.down,
    });
    const { runGateway } = await import('../src/roles/gateway.js');
    await runGateway({
      settings,
      printer: this.printer(flags),
      publicIndexes: flags['public-index'] ?? [],
      quota: flags.quota,
      debian: {
        mirror: flags['debian-mirror'],
        suites: flags['debian-suite'] ?? [],
        components: flags['debian-component'] ?? [],
        keyring: flags['debian-keyring'],
      },
    });
  }
}
