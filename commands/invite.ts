import { Flags } from '@oclif/core';
import { XCommand } from '../src/roles/command.js';

export default class Invite extends XCommand {
  static override summary =
    'Invite machines to the bundles that are for members only; list and revoke them.';
  static override description = `Prints an invitation that a client takes as its master: the first machine that uses it becomes a member. Whoever reads an invitation can use it, so send it as you would a password. Works beside a running source, and without one.
A revoked machine is refused by the source at once, and by other members as soon as they have the metadata that is signed with it. Revoked by its DID, it is let in again by later invitations only.`;
  static override examples = [
    '<%= config.bin %> invite',
    '<%= config.bin %> invite --uses 20 --days 2 --bundle tools',
    '<%= config.bin %> invite --list',
    '<%= config.bin %> invite --revoke did:key:z6Mk…',
  ];

  static override flags = {
    uses: Flags.integer({
      min: 1,
      default: 1,
      helpValue: 'N',
      summary: 'How many machines it lets in.',
    }),
    days: Flags.integer({
      min: 1,
      default: 7,
      helpValue: 'N',
      summary: 'How long it can be used.',
    }),
    'member-days': Flags.integer({
      min: 1,
      default: 365,
      helpValue: 'N',
      summary: 'How long those are members that it lets in.',
    }),
    bundle: Flags.string({
      multiple: true,
      default: [],
      helpValue: 'NAME',
      summary: 'A bundle that it is for (default: all of this source).',
    }),
    address: Flags.string({
      helpValue: 'HOST[:PORT]',
      summary: "Where the invited reach the source (default: the running source's address).",
    }),
    list: Flags.boolean({
      summary: 'List invitations and members.',
      exclusive: ['revoke', 'bundle', 'address'],
    }),
    revoke: Flags.string({
      multiple: true,
      helpValue: 'DID|ID',
      summary: "End a machine's membership, or take an invitation back.",
      exclusive: ['bundle', 'address'],
    }),
    'with-members': Flags.boolean({
      summary: 'Also those that the invitation let in. With revoke.',
      dependsOn: ['revoke'],
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Invite);
    const settings = await this.settings({ data: flags.data });
    const { uses, days, address, revoke } = flags;
    const { runInvite } = await import('../src/roles/invite.js');
    await runInvite({
      settings,
      printer: this.printer(flags),
      task: flags.list
        ? { verb: 'list' }
        : revoke !== undefined
          ? { verb: 'revoke', what: revoke, withMembers: flags['with-members'] }
          : {
              verb: 'create',
              uses,
              days,
              memberDays: flags['member-days'],
              bundles: flags.bundle,
              address,
            },
    });
  }
}
