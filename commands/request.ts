import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Request extends XCommand {
  static override summary =
    'Write down what this machine is and holds, signed, for a source to answer.';
  static override description =
    'For machines that no cable reaches: the file goes to the source on a stick, and `x source --for FILE --export DIR` carries only what is missing here. It holds no names of files, only salted digests.';
  static override examples = ['<%= config.bin %> request -o me.xreq'];

  static override flags = {
    output: Flags.string({
      char: 'o',
      required: true,
      helpValue: 'FILE',
      summary: 'The file to write.',
    }),
    target: Flags.string({
      helpValue: 'SPEC',
      summary: 'Another target than this machine: linux/amd64/glibc2.36,python=3.12.',
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Request);
    const settings = await this.settings({ data: flags.data });
    const { runRequest } = await import('../src/roles/request.js');
    await runRequest({
      settings,
      printer: this.printer(flags),
      output: flags.output,
      target: flags.target,
    });
  }
}
