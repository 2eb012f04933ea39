import { Args, Flags } from '@oclif/core';
import { XError } from '../src/domain/errors.js';
import { XCommand } from '../src/roles/command.js';

export default class Report extends XCommand {
  static override summary = 'A bundle as one HTML page that an approver reads, prints and signs.';
  static override description =
    'Packages with licences, sizes and the evidence of their publishers; with --against what changed; with --advisories which known vulnerabilities concern it, from OSV files (osv.dev) that are given.';
  static override examples = [
    '<%= config.bin %> report requirements -o requirements.html',
    '<%= config.bin %> report /media/stick --against requirements --advisories osv/ -o stick.html',
  ];

  static override args = {
    what: Args.string({ required: true, description: "A bundle's name, or the path of volumes." }),
  };

  static override flags = {
    output: Flags.string({ char: 'o', summary: 'The file to write.', helpValue: 'FILE' }),
    against: Flags.string({
      summary: 'A bundle, or the path of volumes, to compare it with.',
      helpValue: 'WHAT',
    }),
    advisories: Flags.string({
      summary: 'OSV files, archives or folders of them. Can be given more than once.',
      helpValue: 'PATH',
      multiple: true,
      default: [],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Report);
    const settings = await this.settings({ data: flags.data });
    const { runReport } = await import('../src/roles/report.js');
    const { against, advisories, output } = flags;
    if (flags.json && output === undefined) {
      throw new XError('USAGE', 'a report is HTML: with --json name the file for it', {
        hint: 'Add -o FILE.',
      });
    }
    const printer = this.printer(flags);
    await runReport({ settings, printer, what: args.what, against, advisories, output });
  }
}
