import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

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
    });
  }
}
