import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Status extends XCommand {
  static override summary = 'Show what runs here, how far each bundle is, and what is missing.';
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --watch',
    '<%= config.bin %> status --json',
  ];

  static override flags = {
    watch: Flags.boolean({ char: 'w', summary: 'Draw it anew every second, until Ctrl-C.' }),
  };

  #watches = false;

  protected override get printsEvents(): boolean {
    return this.#watches;
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Status);
    this.#watches = flags.watch;
    const settings = await this.settings({ data: flags.data });
    const { runStatus } = await import('../src/roles/status.js');
    await runStatus({ settings, printer: this.printer(flags), watch: flags.watch });
  }
}
