import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import { parseDid } from '../src/roles/did-flag.js';

export default class Self extends XCommand {
  static override summary = 'Bring the installed x up to date from a stick, or go back.';
  static override description = `update takes the runtime that x export --with-runtime wrote, from a stick or as x import kept it: signed by a source that is known here, for this platform, newer than what is installed. It is checked, unpacked and started once beside the old one, and takes its place in one step.
rollback makes the one before current again.`;
  static override examples = [
    '<%= config.bin %> self update /media/stick',
    '<%= config.bin %> self update',
    '<%= config.bin %> self rollback',
  ];

  static override args = {
    action: Args.string({
      required: true,
      options: ['update', 'rollback'],
      description: 'What to do.',
    }),
    from: Args.string({
      description:
        'For update: the stick, or a folder with a runtime (default: what x import kept).',
    }),
  };
  static override flags = {
    trust: Flags.string({
      helpValue: 'DID',
      parse: parseDid,
      summary: 'Take a runtime that this source signed, and no other.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Self);
    const settings = await this.settings({ data: flags.data });
    const input = { settings, printer: this.printer(flags) };
    const { runSelfRollback, runSelfUpdate } = await import('../src/roles/self.js');
    if (args.action === 'rollback') {
      await runSelfRollback(input);
      return;
    }
    await runSelfUpdate({ ...input, from: args.from, trust: flags.trust });
  }
}
