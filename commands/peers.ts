import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Peers extends XCommand {
  static override summary = 'Show who is connected, and how much went to and fro.';
  static override examples = [
    '<%= config.bin %> peers',
    '<%= config.bin %> peers --watch',
    '<%= config.bin %> peers --ranking',
  ];

  static override flags = {
    ranking: Flags.boolean({
      summary: 'What this machine has seen of each node of the public swarm, the best first.',
    }),
    watch: Flags.boolean({ char: 'w', summary: 'Draw it anew every second, until Ctrl-C.' }),
  };

  #watches = false;

  protected override get printsEvents(): boolean {
    return this.#watches;
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Peers);
    this.#watches = flags.watch;
    const settings = await this.settings({ data: flags.data });
    const { runPeers } = await import('../src/roles/peers.js');
    const { watch, ranking } = flags;
    await runPeers({ settings, printer: this.printer(flags), watch, ranking });
  }
}
