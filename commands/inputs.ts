import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Inputs extends XCommand {
  static override summary = 'Write the files that a bundle was made from, pointing at the gateway.';
  static override description =
    'requirements.txt, package-lock.json and the like as the source had them, but for addresses (an --index-url of their own, hosts in a lockfile), which become the gateway’s. `x run` uses these copies by itself.';
  static override examples = ['<%= config.bin %> inputs requirements ./project'];

  static override args = {
    name: Args.string({ required: true, description: "A bundle's name." }),
    dir: Args.string({ required: true, description: 'The folder to write to.' }),
  };

  static override flags = {
    original: Flags.boolean({ summary: 'As they were, with the addresses that they had.' }),
    port: Flags.integer({
      min: 1,
      max: 65_535,
      helpValue: 'GATEWAY_PORT',
      summary: "The gateway's port (default 8470).",
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Inputs);
    const settings = await this.settings({ data: flags.data, port: flags.port });
    const { runInputs } = await import('../src/roles/inputs.js');
    await runInputs({
      settings,
      printer: this.printer(flags),
      bundle: args.name,
      to: args.dir,
      original: flags.original,
    });
  }
}
