import { Args } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Verify extends XCommand {
  static override summary =
    "Check a bundle, or volumes, to the last byte: signatures, digests, publishers' proofs.";
  static override description =
    'Reads every byte again, and says for each package which proof of its publisher held. Exit code 3 where anything does not hold.';
  static override examples = [
    '<%= config.bin %> verify requirements',
    '<%= config.bin %> verify /media/stick',
  ];

  static override args = {
    what: Args.string({ required: true, description: "A bundle's name, or the path of volumes." }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Verify);
    const settings = await this.settings({ data: flags.data });
    const { runVerify } = await import('../src/roles/verify.js');
    await runVerify({ settings, printer: this.printer(flags), what: args.what });
  }
}
