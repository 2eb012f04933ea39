import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import { GATEWAY_FLAGS, gatewaySettings } from '../src/roles/gateway-flags.js';
import { parseDid } from '../src/roles/did-flag.js';

export default class Client extends XCommand {
  static override summary =
    'Pull bundles from a source and siblings, and serve them to pip, npm and apt.';
  static override description = `Pins the source's key, verifies the signed metadata, pulls the pieces from the source and from siblings on the local network, then serves pip, npm and apt from its gateway until Ctrl-C. Killed and started again, it goes on where it was. Without --master it serves what it holds.`;
  static override examples = [
    {
      description: 'First contact, with the invitation that the source printed:',
      command: "<%= config.bin %> client --master 'x://did:key:z6Mk…@10.0.0.5:8471'",
    },
    {
      description: 'First contact, the key read out over the phone:',
      command: '<%= config.bin %> client --master 10.0.0.5 --trust did:key:z6Mk…',
    },
    {
      description: 'Fetch everything and stop:',
      command: '<%= config.bin %> client --master 10.0.0.5 --once',
    },
  ];

  static override flags = {
    master: Flags.string({
      multiple: true,
      helpValue: 'HOST[:PORT]|x://…',
      summary: 'The source to pull from; several, each with its own trust.',
    }),
    trust: Flags.string({
      multiple: true,
      helpValue: 'DID',
      parse: parseDid,
      summary: "Trust this source's key on first contact.",
      exclusive: ['accept-new'],
    }),
    'accept-new': Flags.boolean({
      summary: 'Trust whatever key the source shows on first contact.',
    }),
    'accept-stale': Flags.boolean({ summary: 'Accept metadata past its expiry and grace.' }),
    once: Flags.boolean({ summary: 'Stop when everything is here.' }),
    peer: Flags.string({
      multiple: true,
      helpValue: 'HOST[:PORT]',
      helpGroup: 'NETWORK',
      summary: 'A sibling to ask, where multicast does not reach.',
    }),
    ...GATEWAY_FLAGS,
    listen: Flags.integer({
      min: 0,
      max: 65_535,
      helpValue: 'PORT',
      helpGroup: 'NETWORK',
      summary: 'The port for siblings (default 8471).',
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
      summary: 'Look for siblings on the local network.',
    }),
  };

  protected override get printsEvents(): boolean {
    return true;
  }

  protected override get isResident(): boolean {
    return true;
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Client);
    const settings = await this.settings({
      data: flags.data,
      listen: flags.listen,
      ...gatewaySettings(flags),
      mdns: flags.mdns,
      interfaces: flags.interface,
      peers: flags.peer,
    });
    const { runClient } = await import('../src/roles/client.js');
    await runClient({
      settings,
      printer: this.printer(flags),
      masters: flags.master ?? [],
      trust: flags.trust ?? [],
      acceptNew: flags['accept-new'],
      acceptStale: flags['accept-stale'],
      once: flags.once,
    });
  }
}
