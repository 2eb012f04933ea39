import { Args } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Key extends XCommand {
  static override summary =
    "Show this machine's key, replace the one that its bundles are signed with, encrypt both.";
  static override description = `rotate makes a new signing key and hands every bundle over to it, signed by both keys: clients follow, the source's DID stays. What the old key signs afterwards is refused wherever the new root was seen.
encrypt and decrypt rewrite the key files, sealed by the passphrase in X_KEY_PASSPHRASE, by the keyfile that X_KEY_FILE names, or by what is typed.`;
  static override examples = [
    '<%= config.bin %> key',
    '<%= config.bin %> key rotate',
    'X_KEY_FILE=/mnt/token/x.key <%= config.bin %> key encrypt',
  ];

  static override args = {
    action: Args.string({
      options: ['show', 'rotate', 'encrypt', 'decrypt'],
      default: 'show',
      description: 'What to do.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Key);
    const settings = await this.settings({ data: flags.data });
    const { runKey, runKeyRotation, runKeySealing } = await import('../src/roles/key.js');
    const input = { settings, printer: this.printer(flags) };
    if (args.action === 'rotate') await runKeyRotation(input);
    else if (args.action === 'show') await runKey(input);
    else await runKeySealing({ ...input, seal: args.action === 'encrypt' });
  }
}
