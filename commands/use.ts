import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Use extends XCommand {
  static override summary = "Put the gateway into a native client's own configuration.";
  static override description =
    'Every run of the client then uses what is held here, as long as a client or gateway of x runs. What its files were before is kept; --undo brings it back.';
  static override examples = [
    '<%= config.bin %> use npm',
    '<%= config.bin %> use pip',
    '<%= config.bin %> use apt',
    '<%= config.bin %> use apt --undo',
  ];

  static override args = {
    command: Args.string({
      required: true,
      description: 'The native client: npm, pnpm, yarn, pip, uv, apt…',
    }),
  };

  static override flags = {
    undo: Flags.boolean({ summary: 'Bring back what was before.' }),
    port: Flags.integer({
      min: 1,
      max: 65_535,
      helpValue: 'GATEWAY_PORT',
      summary: "The gateway's port (default 8470).",
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Use);
    const settings = await this.settings({ data: flags.data, port: flags.port });
    const { runUse } = await import('../src/roles/use.js');
    await runUse({
      settings,
      printer: this.printer(flags),
      command: args.command,
      undo: flags.undo,
    });
  }
}
