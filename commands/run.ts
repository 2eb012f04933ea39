import { XCommand } from '../src/roles/command.js';

export default class Run extends XCommand {
  static override summary =
    'Run pip, npm, apt-get… against what is held here, for this one command.';
  static override description =
    "Points the native client at the gateway of a running client, or at one of its own that lasts as long as the command, and passes its exit code and signals through. Nothing of the machine's own configuration is changed.";
  static override strict = false;
  static override usage = 'run [--data DIR] [--] COMMAND…';
  static override examples = [
    '<%= config.bin %> run -- pip install -r requirements.txt',
    '<%= config.bin %> run -- npm ci',
    '<%= config.bin %> run -- apt-get install nginx-light',
  ];

  async run(): Promise<void> {
    // Parsing replaces this.argv, so what belongs to the native command is taken out before.
    const { own, native } = splitAtCommand(this.argv);
    const { flags } = await this.parse(Run, own);
    const settings = await this.settings({ data: flags.data });
    const { runNative } = await import('../src/roles/run.js');
    process.exitCode = await runNative({ settings, printer: this.printer(flags), command: native });
  }
}

/** The two dashes may be left out: the native command begins at the first word that is no flag of x's. */
function splitAtCommand(argv: readonly string[]): { own: string[]; native: string[] } {
  let at = 0;
  while (at < argv.length && argv[at]?.startsWith('-') === true && argv[at] !== '--')
    at += argv[at] === '--data' ? 2 : 1;
  const native = argv.slice(argv[at] === '--' ? at + 1 : at);
  return { own: argv.slice(0, at), native };
}
