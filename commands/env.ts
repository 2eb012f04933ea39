import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Env extends XCommand {
  static override summary = 'Print the variables that point pip, npm… at the gateway.';
  static override description =
    'For shells, scripts and Dockerfiles; for one command there is `x run`, for good `x use`. Without COMMAND: pip, uv, npm, pnpm and yarn.';
  static override strict = false;
  static override usage = 'env [COMMAND…] [--gateway URL] [--format sh|docker]';
  static override examples = [
    { description: 'In this shell, from now on:', command: 'eval "$(<%= config.bin %> env)"' },
    {
      description: 'Lines for a Dockerfile:',
      command: '<%= config.bin %> env pip --format docker --gateway http://depot.lan:8470',
    },
  ];

  static override flags = {
    gateway: Flags.string({
      helpValue: 'URL',
      summary: "Another gateway than this machine's own.",
    }),
    format: Flags.string({
      options: ['sh', 'docker'],
      default: 'sh',
      summary: 'For a shell, or for a Dockerfile.',
    }),
    port: Flags.integer({
      min: 1,
      max: 65_535,
      helpValue: 'GATEWAY_PORT',
      summary: "The gateway's port (default 8470).",
    }),
  };

  async run(): Promise<void> {
    const { flags, argv } = await this.parse(Env);
    const settings = await this.settings({ data: flags.data, port: flags.port });
    const { runEnv } = await import('../src/roles/env.js');
    await runEnv({
      settings,
      printer: this.printer(flags),
      commands: argv.map(String),
      gateway: flags.gateway,
      format: flags.format === 'docker' ? 'docker' : 'sh',
    });
  }
}
