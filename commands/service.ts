import { Args, Parser, type Interfaces } from '@oclif/core';
import { XError } from '../src/domain/errors.js';
import { XCommand } from '../src/roles/command.js';
import { usageError } from '../src/roles/usage-error.js';

type ServiceRole = 'source' | 'client' | 'gateway' | 'node';

/** A unit with a mistyped flag would fail where nobody looks, again and again. */
async function checkArguments(role: ServiceRole, passed: string[]): Promise<void> {
  const { default: command } = await COMMANDS[role]();
  const known: Interfaces.FlagInput = { ...XCommand.baseFlags, ...command.flags };
  try {
    await Parser.parse(passed, { flags: known, args: command.args, strict: true });
  } catch (error) {
    throw usageError(error, { id: role, flags: Object.keys(known) });
  }
}

const COMMANDS = {
  source: () => import('./source.js'),
  client: () => import('./client.js'),
  gateway: () => import('./gateway.js'),
  node: () => import('./node.js'),
} as const;

export default class Service extends XCommand {
  static override summary = 'Keep a source, client, gateway or node running, by systemd.';
  static override description = `install writes a unit and starts it; show prints it; uninstall stops and removes it. Run by root it is the machine's, else the user's own. After two dashes come the arguments of x source, x client, x gateway or x node.`;
  static override strict = false;
  static override usage =
    'service show|install|uninstall source|client|gateway|node [--data DIR] [-- ARGUMENTS…]';
  static override examples = [
    '<%= config.bin %> service install client -- --master 10.0.0.5 --bind 0.0.0.0',
    '<%= config.bin %> service show source -- -r /srv/requirements.txt',
    '<%= config.bin %> service install node -- --quota 200GB',
    '<%= config.bin %> service uninstall client',
  ];

  static override args = {
    action: Args.string({
      required: true,
      options: ['show', 'install', 'uninstall'],
      description: 'What to do.',
    }),
    role: Args.string({
      required: true,
      options: ['source', 'client', 'gateway', 'node'],
      description: 'What is to run.',
    }),
  };

  async run(): Promise<void> {
    // Parsing replaces this.argv, so what belongs to the role is taken out before.
    const split = this.argv.indexOf('--');
    const own = split < 0 ? this.argv : this.argv.slice(0, split);
    const passed = split < 0 ? [] : this.argv.slice(split + 1);
    const { args, flags, argv } = await this.parse(Service, own);
    const surplus = argv.slice(2)[0];
    if (surplus !== undefined) {
      throw new XError('USAGE', `unexpected argument "${String(surplus)}"`, {
        hint: `What x ${args.role} is to be told stands after two dashes: x service ${args.action} ${args.role} -- …`,
      });
    }
    const role = args.role as ServiceRole;
    if (args.action !== 'uninstall') await checkArguments(role, passed);
    const settings = await this.settings({ data: flags.data });
    const { runService } = await import('../src/roles/service.js');
    await runService({
      settings,
      printer: this.printer(flags),
      action: args.action as 'show' | 'install' | 'uninstall',
      role,
      args: passed,
    });
  }
}
