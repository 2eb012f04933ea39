import { Args, type Command } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';
import type { CompletedCommand, Shell } from '../src/roles/completion.js';

export default class Completion extends XCommand {
  static override summary = 'Print what teaches bash, zsh or fish the command line of x.';
  static override examples = [
    { description: 'bash, in this shell:', command: 'source <(<%= config.bin %> completion bash)' },
    {
      description: 'fish, for good:',
      command: '<%= config.bin %> completion fish > ~/.config/fish/completions/x.fish',
    },
  ];

  static override args = {
    shell: Args.string({
      required: true,
      options: ['bash', 'zsh', 'fish'],
      description: 'The shell.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Completion);
    const { completionScript } = await import('../src/roles/completion.js');
    const { nativeCommands } = await import('../src/roles/ecosystem-servers.js');
    const clients = nativeCommands();
    const commands = this.config.commands
      .filter(({ hidden }) => !hidden)
      .map((command) => completed(command, clients))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const script = completionScript(args.shell as Shell, commands);
    this.printer(flags).document({ shell: args.shell, script }, script.trimEnd().split('\n'));
  }
}

/** They take the name of a native client. */
const NATIVE = ['use', 'env', 'run'];

/** The lists of the first arguments, up to one that can be anything. */
function wordsOf(args: Command.Loadable['args']): string[][] {
  const lists = Object.values(args).map(({ options }) => [...(options ?? [])]);
  const open = lists.findIndex((list) => list.length === 0);
  return open < 0 ? lists : lists.slice(0, open);
}

function completed(
  { id, summary, flags, args }: Command.Loadable,
  clients: readonly string[],
): CompletedCommand {
  return {
    name: id,
    summary: summary ?? '',
    words: NATIVE.includes(id) ? [clients] : wordsOf(args),
    flags: Object.values(flags)
      .filter(({ hidden }) => hidden !== true)
      .map((flag) => ({
        name: flag.name,
        char: flag.char,
        summary: flag.summary ?? '',
        takesValue: flag.type === 'option',
        options: flag.type === 'option' ? (flag.options ?? []) : [],
      })),
  };
}
