import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import { parseDid } from '../src/roles/did-flag.js';

export default class Import extends XCommand {
  static override summary =
    'Take a bundle in from volumes: files, folders or a stick, in any order.';
  static override strict = false;
  static override examples = [
    {
      description: 'From a stick:',
      command: '<%= config.bin %> import /media/stick --trust did:key:z6Mk…',
    },
  ];

  static override args = {
    path: Args.string({
      required: true,
      description: 'A volume, or a folder of volumes. May be several.',
    }),
  };
  static override flags = {
    trust: Flags.string({
      helpValue: 'DID',
      parse: parseDid,
      summary: "Trust this source's key on first contact.",
      exclusive: ['accept-new'],
    }),
    'accept-new': Flags.boolean({
      summary: 'Trust whatever key signed the volume on first contact.',
    }),
    'accept-stale': Flags.boolean({ summary: 'Accept metadata past its expiry and grace.' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Import);
    const settings = await this.settings({ data: flags.data });
    const { runImport } = await import('../src/roles/import.js');
    await runImport({
      settings,
      printer: this.printer(flags),
      paths: argv.map(String),
      trust: flags.trust,
      acceptNew: flags['accept-new'],
      acceptStale: flags['accept-stale'],
    });
  }
}
