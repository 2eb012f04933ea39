import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import { parseDid } from '../src/roles/did-flag.js';

export default class Export extends XCommand {
  static override summary =
    'Write a bundle as volumes: zip files that carry it where no cable runs.';
  static override examples = [
    {
      description: 'Onto a stick:',
      command: '<%= config.bin %> export requirements --to /media/stick',
    },
    {
      description: 'For discs:',
      command: '<%= config.bin %> export requirements --to out --volume-size 650MiB',
    },
    {
      description: 'Only what a machine lacks that sent its request:',
      command: '<%= config.bin %> export requirements --to /media/stick --for me.xreq',
    },
  ];

  static override args = {
    name: Args.string({ required: true, description: "The bundle's name." }),
  };
  static override flags = {
    to: Flags.string({ required: true, helpValue: 'DIR', summary: 'The folder to write to.' }),
    'volume-size': Flags.string({
      helpValue: 'SIZE',
      summary: 'The largest size of a volume (default: 4 GiB less a byte).',
    }),
    parity: Flags.integer({
      min: 1,
      max: 16,
      helpValue: 'COUNT',
      summary: 'Write so many volumes more: as many may then be lost or torn, and are rebuilt.',
    }),
    'read-back': Flags.boolean({
      allowNo: true,
      default: true,
      summary: 'Read every volume again from the medium when it is written.',
    }),
    'with-runtime': Flags.boolean({
      summary: 'Write beside it what starts x on a machine that has neither x nor Node (60 MB).',
    }),
    for: Flags.string({
      helpValue: 'WHO',
      summary:
        'Carry only what is missing there: a request file (*.xreq), or the DID or a name of a machine that was exported to before.',
    }),
    trust: Flags.string({
      helpValue: 'DID',
      parse: parseDid,
      summary: "Answer this machine's first request.",
      dependsOn: ['for'],
    }),
    resend: Flags.boolean({
      summary: 'What was exported there before is lost: carry it again.',
      dependsOn: ['for'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Export);
    const settings = await this.settings({ data: flags.data });
    const { runExport } = await import('../src/roles/export.js');
    await runExport({
      settings,
      printer: this.printer(flags),
      name: args.name,
      to: flags.to,
      volumeSize: flags['volume-size'],
      for: flags.for,
      trust: flags.trust,
      resend: flags.resend,
      parity: flags.parity,
      readBack: flags['read-back'],
      withRuntime: flags['with-runtime'],
    });
  }
}
