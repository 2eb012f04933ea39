import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Wishes extends XCommand {
  static override summary = 'List what pip, npm and apt asked for here and no bundle has.';
  static override description =
    'The next `x request` carries the list to the source; there `x source --for FILE --wishes` adds it to what is resolved.';
  static override examples = ['<%= config.bin %> wishes', '<%= config.bin %> wishes --clear'];

  static override flags = {
    clear: Flags.boolean({ summary: 'Forget the list.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Wishes);
    const settings = await this.settings({ data: flags.data });
    const { runWishes } = await import('../src/roles/wishes.js');
    await runWishes({ settings, printer: this.printer(flags), clear: flags.clear });
  }
}
