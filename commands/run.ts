import { XCommand } from '../src/roles/command.js';

export default class Run extends XCommand {
  static override summary =
    'Run pip, npm, apt-get… against what is held here, for this one command.';
  static override description =
    "Points the native client at the gateway of a running client, or at one of its own that lasts as long as the command, and passes its exit code and signals through. Nothing of the machine's own configuration is changed.";
  static override strict = false;
  static override usage = 'run [--data DIR] -- COMMAND…';
  static override examples = [
    '<%= config.bin %> run -- pip install -r requirements.txt',
    '<%= config.bin %> run -- npm ci',
    '<%= config.bin %> run -- apt-get install nginx-light',
  ];

  async run(): Promise<void> {
    // Parsing replaces this.argv, so what belongs to the native command is taken out before.
    const split = this.argv.indexOf('--');
    const native = split < 0 ? [] : this.argv.slice(split + 1);
    const { flags, argv } = await this.parse(
      Run,
      split < 0 ? this.argv : this.argv.slice(0, split),
    );
    const command = split < 0 ? argv.map(String) : native;
    const settings = await this.settings({ data: flags.data });
    const { runNative } = await import('../src/roles/run.js');
    process.exitCode = await runNative({ settings, printer: this.printer(flags), command });
  }
}
