import { XError } from '../domain/errors.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { Identity } from '../trust/identity.js';
import { makeMetadata } from '../trust/make.js';
import { readPublished, readRoots } from '../trust/published.js';
import { isSoleHolder, rotateRootChain } from '../trust/roots.js';
import { tufKeyId } from '../trust/tuf-key.js';

export interface RotateDeps {
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  /** This machine's own key: the sources' name. */
  identity: Identity;
  /** Whose key holds the roles now. */
  from: Identity;
  /** Whose key is to hold them. */
  to: Identity;
}

/**
 * Hands every bundle that this machine is the source of to another key: the next root, signed by
 * both, and everything else signed anew. A bundle that is handed over already is left as it is, so
 * that a rotation that was cut short is finished by the next run.
 */
export function rotateKeys({ catalog, clock, identity, from, to }: RotateDeps): BundleRecord[] {
  const now = clock.now();
  const rotated: BundleRecord[] = [];
  for (const record of catalog.bundles()) {
    if (record.role !== 'source') continue;
    const files = catalog.metadata(record.id);
    const roots = readRoots(files);
    const isDone = roots.root.signed.roles['timestamp']?.keyIDs.includes(tufKeyId(to.publicKey));
    if (isDone === true) continue;
    if (!isSoleHolder(roots.root, tufKeyId(from.publicKey))) throw heldByOthers(record.name);
    const { fields } = readPublished(files);
    const { graceDays, masters, extra } = fields;
    const mark = { bundle: record.name, source: record.source, graceDays };
    const chain = rotateRootChain(roots, from, to, mark, now);
    const made = makeMetadata({
      bundle: record.name,
      identity,
      signer: to,
      entries: [...catalog.entries(record.id)],
      previous: new Map([...files, ...chain.files]),
      now,
      graceDays,
      masters,
      extra,
    });
    rotated.push(catalog.saveBundle(made.manifest, 'source', made.files));
  }
  return rotated;
}

function heldByOthers(bundle: string): XError {
  return new XError('USAGE', `others hold the root of "${bundle}" too: they have to sign`, {
    hint: 'Run `x key root --rotate`, carry its file to `x key sign` there, then `x key apply` here.',
  });
}
