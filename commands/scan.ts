import { Args, Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Scan extends XCommand {
  static override summary = 'Mark package files that lie on this machine already.';
  static override description =
    'Finds wheels, sdists, npm tarballs and Debian packages in the caches of pip, npm and apt, or in folders, and remembers their digests. Nothing is copied: x source, x client and x gateway take a marked file instead of fetching it, and check every piece of it while they read. A second scan reads only what changed.';
  static override examples = [
    '<%= config.bin %> scan',
    '<%= config.bin %> scan /srv/wheels ~/Downloads',
    '<%= config.bin %> scan --forget /srv/wheels',
  ];

  static override strict = false;
  static override args = {
    folder: Args.string({
      description: 'Folders (default: the caches of pip, npm and apt).',
    }),
  };

  static override flags = {
    forget: Flags.boolean({
      summary: 'Forget the marks of these folders, or all of them; the files stay.',
    }),
  };

  async run(): Promise<void> {
    const { flags, argv } = await this.parse(Scan);
    const settings = await this.settings({ data: flags.data });
    const { runScan } = await import('../src/roles/scan.js');
    await runScan({
      settings,
      printer: this.printer(flags),
      folders: argv as string[],
      forget: flags.forget,
    });
  }
}
