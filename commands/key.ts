import { XCommand } from '../src/roles/command.js';

export default class Key extends XCommand {
  static override summary = "Show this machine's key, the one that its bundles are signed with.";
  static override examples = ['<%= config.bin %> key'];

  async run(): Promise<void> {
    const { flags } = await this.parse(Key);
    const settings = await this.settings({ data: flags.data });
    const { runKey } = await import('../src/roles/key.js');
    await runKey({ settings, printer: this.printer(flags) });
  }
}
