import { Args, Flags } from '@oclif/core';
import { XError } from '../src/domain/errors.js';
import { XCommand } from '../src/roles/command.js';

export default class Key extends XCommand {
  static override summary =
    "Show this machine's key, replace the one that its bundles are signed with, say who holds their roots, encrypt.";
  static override description = `rotate makes a new signing key and hands every bundle over to it, signed by both keys: clients follow, the source's DID stays. What the old key signs afterwards is refused wherever the new root was seen.
root lists who holds the roots of bundles; with --add, --remove or --threshold it makes the next roots. What this machine's keys cannot sign alone is written to a file: x key sign FILE adds a signature on each machine that holds a root key, x key apply FILE makes it so here. Such a machine needs no network, and no bundle.
encrypt and decrypt rewrite the key files, sealed by the passphrase in X_KEY_PASSPHRASE, by the keyfile that X_KEY_FILE names, or by what is typed.`;
  static override examples = [
    '<%= config.bin %> key',
    '<%= config.bin %> key rotate',
    '<%= config.bin %> key root --threshold 2 --add safe.did --add vault.did -o root.json',
    '<%= config.bin %> key sign root.json',
    '<%= config.bin %> key apply root.json',
    'X_KEY_FILE=/mnt/token/x.key <%= config.bin %> key encrypt',
  ];

  static override args = {
    action: Args.string({
      options: ['show', 'rotate', 'root', 'sign', 'apply', 'encrypt', 'decrypt'],
      default: 'show',
      description: 'What to do.',
    }),
    what: Args.string({ description: 'For root a bundle, for sign and apply a file.' }),
  };

  static override flags = {
    add: Flags.string({
      summary: 'A DID, or a file with one, that is to hold the root too. With root.',
      helpValue: 'FILE',
      multiple: true,
      default: [],
    }),
    remove: Flags.string({
      summary: 'One that is to hold it no longer. With root.',
      helpValue: 'FILE',
      multiple: true,
      default: [],
    }),
    threshold: Flags.integer({
      summary: 'So many of them have to sign the next root. With root.',
      helpValue: 'N',
      min: 1,
      max: 64,
    }),
    rotate: Flags.boolean({ summary: 'A new signing key as well. With root.' }),
    renew: Flags.boolean({ summary: 'Only a later expiry. With root.' }),
    output: Flags.string({
      char: 'o',
      summary: 'The file to write. With root and sign.',
      helpValue: 'FILE',
    }),
    yes: Flags.boolean({ char: 'y', summary: 'Sign without a question. With sign.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Key);
    const settings = await this.settings({ data: flags.data });
    const input = { settings, printer: this.printer(flags) };
    const { output } = flags;
    if (args.action === 'sign' || args.action === 'apply') {
      const file = args.what;
      if (file === undefined) {
        throw new XError('USAGE', `x key ${args.action} needs the file that x key root wrote`);
      }
      const { runKeySign, runKeyApply } = await import('../src/roles/key-root.js');
      if (args.action === 'apply') await runKeyApply({ ...input, file });
      else await runKeySign({ ...input, file, output, yes: flags.yes });
    } else if (args.action === 'root') {
      const { add, remove, threshold, rotate, renew } = flags;
      const { runKeyRoot } = await import('../src/roles/key-root.js');
      const wish = { bundle: args.what, add, remove, threshold, rotate, renew, output };
      await runKeyRoot({ ...input, ...wish });
    } else {
      const { runKey, runKeyRotation, runKeySealing } = await import('../src/roles/key.js');
      if (args.action === 'rotate') await runKeyRotation(input);
      else if (args.action === 'show') await runKey(input);
      else await runKeySealing({ ...input, seal: args.action === 'encrypt' });
    }
  }
}
