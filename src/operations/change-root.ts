import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { Identity } from '../trust/identity.js';
import { makeMetadata } from '../trust/make.js';
import { rootFileName } from '../trust/names.js';
import { readPublished, readRoots } from '../trust/published.js';
import {
  chainWith,
  lackingSignatures,
  onlineKeyOf,
  proposeRoot,
  readChange,
  rootRoleOf,
  type RootChange,
  type RootRole,
} from '../trust/root-change.js';
import { findBundle } from './find-bundle.js';

export interface ChangeRootDeps {
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  /** This machine's own key: its bundles' source. */
  identity: Identity;
  /** Keys of this machine that may sign: its own, the signing key, the one a rotation made. */
  signers: readonly Identity[];
}

export interface RootWish {
  /** All bundles that this machine is the source of where undefined. */
  bundle: string | undefined;
  add: readonly Did[];
  remove: readonly Did[];
  /** Unchanged where undefined. */
  threshold: number | undefined;
  /** Whose key is to sign day by day from then on; unchanged where undefined. */
  online: Did | undefined;
}

/** Who holds the roots of the bundles that this machine is the source of. */
export function listRoots(
  { catalog }: Pick<ChangeRootDeps, 'catalog'>,
  bundle: string | undefined,
): { record: BundleRecord; role: RootRole; online: Did | undefined; expires: string }[] {
  return ownBundles(catalog, bundle).map((record) => {
    const { root } = readRoots(catalog.metadata(record.id));
    const { expires } = root.signed;
    return { record, role: rootRoleOf(root), online: onlineKeyOf(root), expires };
  });
}

/**
 * Proposes the next root of each bundle. Nothing is changed yet: those that have all the signatures
 * they need can be applied at once, the others wait for those of other machines.
 * @throws XError USAGE for a threshold that the keys cannot meet, BUNDLE_NOT_FOUND.
 */
export function proposeRoots(deps: ChangeRootDeps, wish: RootWish): RootChange[] {
  const { catalog, clock, signers } = deps;
  const now = clock.now();
  return ownBundles(catalog, wish.bundle).map((record) => {
    const files = catalog.metadata(record.id);
    const chain = readRoots(files);
    const before = rootRoleOf(chain.root);
    const online = wish.online ?? onlineKeyOf(chain.root) ?? record.source;
    const { graceDays } = readPublished(files).fields;
    const mark = { bundle: record.name, source: record.source, graceDays };
    const role = wishedRole(before, wish, record.name);
    return readChange(proposeRoot(chain, { role, online, mark, now, signers }), before);
  });
}

function wishedRole(before: RootRole, wish: RootWish, bundle: string): RootRole {
  const strangers = wish.remove.filter((did) => !before.keys.includes(did));
  if (strangers.length > 0) {
    throw new XError('USAGE', `${strangers.join(', ')} holds no root of "${bundle}"`, {
      hint: '`x key root` lists who does.',
    });
  }
  const kept = before.keys.filter((did) => !wish.remove.includes(did));
  const keys = [...new Set([...kept, ...wish.add])];
  const threshold = wish.threshold ?? Math.min(before.threshold, keys.length);
  if (keys.length > 0 && threshold >= 1 && threshold <= keys.length) return { keys, threshold };
  throw new XError(
    'USAGE',
    `a root of "${bundle}" that ${threshold} of ${keys.length} keys sign: nobody could`,
    { hint: 'Add keys with --add, or choose a smaller --threshold.' },
  );
}

/** Whether a root was applied before: one that was stopped between two bundles is gone on with. */
export function isInForce(
  { catalog }: Pick<ChangeRootDeps, 'catalog'>,
  change: RootChange,
): boolean {
  const { bundle, source, version, bytes } = change;
  const record = catalog.bundles().find((one) => one.name === bundle && one.source === source);
  if (record === undefined) return false;
  const held = readRoots(catalog.metadata(record.id)).files.get(rootFileName(version));
  return held !== undefined && Buffer.from(bytes).equals(held);
}

/**
 * Makes a root that has its signatures the newest of its bundle, and signs the rest of the metadata
 * with the key that it names.
 * @throws XError SIGNATURE_INVALID where signatures lack, ROLLBACK where the bundle has moved on,
 *   KEY_LOCKED where this machine does not hold the key that is to sign.
 */
export function applyRoot(deps: ChangeRootDeps, bytes: Uint8Array): BundleRecord {
  const { catalog, clock, identity, signers } = deps;
  const claimed = readChange(bytes, { keys: [], threshold: 1 });
  const { bundle, source } = claimed;
  const record = ownBundles(catalog, undefined).find((one) => one.name === bundle);
  if (record === undefined || record.source !== source) {
    throw new XError(
      'BUNDLE_NOT_FOUND',
      `this machine publishes no bundle "${bundle}" of ${source}`,
      {
        hint: 'Apply it on the machine that made the request.',
      },
    );
  }
  const files = catalog.metadata(record.id);
  const roots = readRoots(files);
  if (claimed.version !== roots.root.signed.version + 1) {
    throw new XError(
      'ROLLBACK',
      `the root of "${bundle}" is at version ${roots.root.signed.version}; this one is version ${claimed.version}`,
      { hint: 'Make a new request with `x key root`, and have that signed.' },
    );
  }
  const change = readChange(bytes, rootRoleOf(roots.root));
  const lacking = lackingSignatures(change);
  if (lacking > 0) {
    throw new XError(
      'SIGNATURE_INVALID',
      `the root of "${bundle}" lacks ${lacking} ${lacking === 1 ? 'signature' : 'signatures'}`,
      {
        hint: `Of ${asked(change).join(', ')}: run \`x key sign FILE\` there.`,
      },
    );
  }
  const signer = signers.find(({ did }) => did === change.online);
  if (signer === undefined) {
    throw new XError('KEY_LOCKED', `this machine does not hold the key ${change.online}`, {
      hint: 'Apply it on the machine that made the request.',
    });
  }
  const { graceDays, masters, extra } = readPublished(files).fields;
  const made = makeMetadata({
    bundle,
    identity,
    signer,
    entries: [...catalog.entries(record.id)],
    previous: new Map([...files, ...chainWith(roots, change).files]),
    now: clock.now(),
    anew: true,
    graceDays,
    masters,
    extra,
  });
  return catalog.saveBundle(made.manifest, 'source', made.files);
}

/** Who has not signed yet and may. */
export function asked({ before, after, signedBy }: RootChange): Did[] {
  const all = new Set([...before.keys, ...after.keys]);
  return [...all].filter((did) => !signedBy.includes(did));
}

function ownBundles(catalog: Catalog, name: string | undefined): BundleRecord[] {
  const own = catalog.bundles().filter(({ role }) => role === 'source');
  if (name === undefined) return own;
  const record = findBundle(catalog, name);
  if (record.role === 'source') return [record];
  throw new XError('USAGE', `"${name}" is of another source`, {
    hint: 'A root is changed on the machine whose bundle it is.',
  });
}
