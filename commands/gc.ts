import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Gc extends XCommand {
  static override summary = 'Free what no bundle needs; drop bundles by age, quota or name.';
  static override description =
    'Without flags only files that no bundle names go. Bundles that are pinned, signed on this machine or being served are never dropped by a rule. A dropped bundle can be brought again, at its version or a newer one.';
  static override examples = [
    '<%= config.bin %> gc --dry-run',
    '<%= config.bin %> gc --keep-days 90 --quota 50GB',
    '<%= config.bin %> gc --pin base --drop trial',
  ];

  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Say what would go, and leave it.' }),
    'keep-days': Flags.integer({
      min: 0,
      max: 36_500,
      helpValue: 'N',
      summary: 'Drop bundles that were signed longer ago.',
    }),
    quota: Flags.string({
      helpValue: 'SIZE',
      summary: 'Drop the oldest bundles until the rest takes no more than this.',
    }),
    drop: Flags.string({ multiple: true, helpValue: 'NAME', summary: 'Drop this bundle.' }),
    pin: Flags.string({ multiple: true, helpValue: 'NAME', summary: 'No rule drops this bundle.' }),
    unpin: Flags.string({ multiple: true, helpValue: 'NAME', summary: 'Rules may drop it again.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Gc);
    const settings = await this.settings({ data: flags.data });
    const { runGc } = await import('../src/roles/gc.js');
    await runGc({
      settings,
      printer: this.printer(flags),
      dryRun: flags['dry-run'],
      keepDays: flags['keep-days'],
      quota: flags.quota,
      drop: flags.drop ?? [],
      pin: flags.pin ?? [],
      unpin: flags.unpin ?? [],
    });
  }
}
