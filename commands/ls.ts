import { Args } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Ls extends XCommand {
  static override summary = 'List the bundles held here, or what is in one.';
  static override examples = ['<%= config.bin %> ls', '<%= config.bin %> ls requirements'];

  static override args = { name: Args.string({ description: "A bundle's name." }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Ls);
    const settings = await this.settings({ data: flags.data });
    const { runList } = await import('../src/roles/list.js');
    await runList({ settings, printer: this.printer(flags), name: args.name });
  }
}
