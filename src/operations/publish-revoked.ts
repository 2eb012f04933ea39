import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { Identity } from '../trust/identity.js';
import { revokedSerials, type InviteBook } from '../trust/invites.js';
import { makeMetadata } from '../trust/make.js';
import { topLevelOf } from '../trust/masters.js';
import { membersExtra, readMembersRule } from '../trust/members-rule.js';

export interface PublishRevokedDeps {
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  identity: Identity;
  signer: Identity;
}

/**
 * Signs every bundle for members that this machine is the source of anew where it does not say yet
 * which memberships are revoked. Siblings go by what the newest metadata that they have says.
 */
export function publishRevoked(
  { catalog, clock, identity, signer }: PublishRevokedDeps,
  book: InviteBook,
): BundleRecord[] {
  // The signing time, and no later one: who has what is signed here takes it for now at least, so that
  // a membership whose serial is left out has expired for everybody who could see it left out.
  const now = clock.now();
  const published: BundleRecord[] = [];
  for (const record of catalog.bundles()) {
    if (record.role !== 'source') continue;
    const files = catalog.metadata(record.id);
    const fields = topLevelOf(files);
    const rule = fields && readMembersRule(fields.extra);
    if (fields === undefined || rule === undefined) continue;
    const revoked = revokedSerials(book, now, rule.revoked);
    if (revoked.every((serial) => rule.revoked.has(serial))) continue;
    const { graceDays, masters, extra } = fields;
    const made = makeMetadata({
      bundle: record.name,
      identity,
      signer,
      entries: [...catalog.entries(record.id)],
      previous: files,
      now,
      graceDays,
      masters,
      extra: { ...extra, ...membersExtra(revoked) },
    });
    published.push(catalog.saveBundle(made.manifest, 'source', made.files));
  }
  return published;
}
