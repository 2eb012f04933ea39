import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Doctor extends XCommand {
  static override summary = 'Look at everything that can be wrong here, and say what to do.';
  static override description =
    'Disk, permissions, clock, catalog, a sample of the files, ports, multicast, master, native clients. Exit code 1 where something is wrong.';
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor --all --fix',
    '<%= config.bin %> doctor --master 10.0.0.5',
  ];

  static override flags = {
    all: Flags.boolean({ summary: 'Read every file again, not a sample.' }),
    fix: Flags.boolean({ summary: 'Mend what is safe to mend.' }),
    master: Flags.string({ helpValue: 'HOST[:PORT]|x://…', summary: 'Ask this master too.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Doctor);
    const settings = await this.settings({ data: flags.data });
    const { runDoctor } = await import('../src/roles/doctor/doctor.js');
    process.exitCode = await runDoctor({
      settings,
      printer: this.printer(flags),
      all: flags.all,
      fix: flags.fix,
      master: flags.master,
    });
  }
}
