import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Ls extends XCommand {
  static override summary = 'List the bundles held here, or what is in one.';
  static override examples = [
    '<%= config.bin %> ls',
    '<%= config.bin %> ls requirements',
    '<%= config.bin %> ls --watch',
  ];

  static override args = { name: Args.string({ description: "A bundle's name." }) };

  static override flags = {
    watch: Flags.boolean({ char: 'w', summary: 'Draw it anew every second, until Ctrl-C.' }),
  };

  #watches = false;

  protected override get printsEvents(): boolean {
    return this.#watches;
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Ls);
    this.#watches = flags.watch;
    const settings = await this.settings({ data: flags.data });
    const { runList } = await import('../src/roles/list.js');
    await runList({
      settings,
      printer: this.printer(flags),
      name: args.name,
      watch: flags.watch,
    });
  }
}
