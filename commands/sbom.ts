import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Sbom extends XCommand {
  static override summary = "A bundle's bill of materials, as CycloneDX 1.6 or SPDX 2.3.";
  static override description =
    'Every package with its digests, licence, proof and what it requires, as the signed metadata says. The same bundle gives the same bytes.';
  static override examples = [
    '<%= config.bin %> sbom requirements -o requirements.cdx.json',
    '<%= config.bin %> sbom /media/stick --format spdx > stick.spdx.json',
  ];

  static override args = {
    what: Args.string({ required: true, description: "A bundle's name, or the path of volumes." }),
  };

  static override flags = {
    format: Flags.option({
      options: ['cyclonedx', 'spdx'] as const,
      default: 'cyclonedx',
      summary: 'Which kind of document.',
    })(),
    output: Flags.string({ char: 'o', summary: 'The file to write.', helpValue: 'FILE' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Sbom);
    const settings = await this.settings({ data: flags.data });
    const { runSbom } = await import('../src/roles/sbom.js');
    const { format, output } = flags;
    await runSbom({ settings, printer: this.printer(flags), what: args.what, format, output });
  }
}
