import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Diff extends XCommand {
  static override summary =
    'What came, went and changed from one bundle to another: versions, licences, sizes.';
  static override description =
    'Either side is a bundle of this machine (NAME or NAME@DID), a volume, or a folder of volumes; signatures of volumes are checked. Other bytes under the same version are named.';
  static override examples = [
    '<%= config.bin %> diff requirements /media/stick',
    '<%= config.bin %> diff old-001.x.zip new-001.x.zip --json',
  ];

  static override args = {
    from: Args.string({ required: true, description: 'A bundle, or the path of volumes.' }),
    to: Args.string({ required: true, description: 'The same.' }),
  };

  static override flags = {
    'exit-code': Flags.boolean({ summary: 'End with 1 where they differ.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Diff);
    const settings = await this.settings({ data: flags.data });
    const { runDiff } = await import('../src/roles/diff.js');
    const { from, to } = args;
    const printer = this.printer(flags);
    await runDiff({ settings, printer, from, to, exitCode: flags['exit-code'] });
  }
}
