import { Metadata, Root } from '@tufjs/models';
import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { MetadataFiles } from '../ports/catalog.js';
import type { Identity } from './identity.js';
import { markJson, type RoleMark } from './mark.js';
import { rootFileName, SPEC_VERSION, TOP_LEVEL_ROLES } from './names.js';
import { encodeSigned } from './sign.js';
import { addDays, formatTime } from './time.js';
import { tufKeyId, tufKeyJson } from './tuf-key.js';

export const ROOT_VALID_DAYS = 5 * 365;

/** A root is signed anew where less than this is left of it. */
const ROOT_RENEW_DAYS = 365;

/** A chain of root files, and the newest of them. */
export interface RootChain {
  files: Map<string, Uint8Array>;
  root: Metadata<Root>;
  /** The DID that signed version 1: the source's name for ever, whatever key signs now. */
  source: Did;
}

interface RootRequest {
  mark: RoleMark;
  version: number;
  /** Whose key signs every role from this version on. */
  holder: Identity;
  /** Everyone who signs this root: the holder, and at a rotation the one before. */
  signers: readonly Identity[];
  now: Date;
}

/** Root version 1 of a new bundle: the identity's key holds every role. */
export function newRootChain(bundle: string, identity: Identity, graceDays: number, now: Date) {
  const mark = { bundle, source: identity.did, graceDays };
  return extend(new Map(), { mark, version: 1, holder: identity, signers: [identity], now });
}

/** The roles whose key signs day by day; the root's may lie on other machines. */
const DAILY_ROLES = TOP_LEVEL_ROLES.filter((role) => role !== 'root');

/**
 * Carries a chain on: unchanged, or with a new version where the newest is about to expire. A root
 * that others have to sign is left as it is: it is renewed as it is changed.
 * @throws XError SIGNATURE_INVALID where the identity's key does not hold the roles.
 */
export function carryRootChain(chain: RootChain, identity: Identity, mark: RoleMark, now: Date) {
  const { signed } = chain.root;
  const keyId = tufKeyId(identity.publicKey);
  if (DAILY_ROLES.some((role) => !signed.roles[role]?.keyIDs.includes(keyId))) {
    throw new XError(
      'SIGNATURE_INVALID',
      `bundle "${mark.bundle}": this machine’s key ${identity.did} does not hold its roles`,
      { hint: 'Sign with the key that signed the last version, or publish under another name.' },
    );
  }
  if (new Date(signed.expires) > addDays(now, ROOT_RENEW_DAYS)) return chain;
  if (!isSoleHolder(chain.root, keyId)) return chain;
  const version = signed.version + 1;
  return extend(chain.files, { mark, version, holder: identity, signers: [identity], now });
}

/** Whether one key alone holds a root's root role. */
export function isSoleHolder(root: Metadata<Root>, keyId: string): boolean {
  const { keyIDs = [] } = root.signed.roles['root'] ?? {};
  return keyIDs.length === 1 && keyIDs[0] === keyId;
}

/**
 * Hands every role to another key: the next root, signed by both. Clients that pinned the source
 * follow it; the source keeps its name.
 */
export function rotateRootChain(
  chain: RootChain,
  from: Identity,
  to: Identity,
  mark: RoleMark,
  now: Date,
): RootChain {
  const version = chain.root.signed.version + 1;
  return extend(chain.files, { mark, version, holder: to, signers: [from, to], now });
}

/** The root files of a bundle's metadata. */
export function rootFilesOf(metadata: MetadataFiles): Map<string, Uint8Array> {
  return new Map([...metadata].filter(([name]) => /^[1-9][0-9]*\.root\.json$/.test(name)));
}

function extend(files: ReadonlyMap<string, Uint8Array>, request: RootRequest): RootChain {
  const { mark, version, holder, signers, now } = request;
  const role = { keyids: [tufKeyId(holder.publicKey)], threshold: 1 };
  const signed = Root.fromJSON({
    _type: 'root',
    spec_version: SPEC_VERSION,
    version,
    expires: formatTime(addDays(now, ROOT_VALID_DAYS)),
    consistent_snapshot: true,
    keys: { [tufKeyId(holder.publicKey)]: tufKeyJson(holder.publicKey) },
    roles: Object.fromEntries(TOP_LEVEL_ROLES.map((name) => [name, role])),
    x: markJson(mark),
  });
  const root = new Metadata(signed);
  const bytes = encodeSigned(root, signers);
  return {
    files: new Map([...files, [rootFileName(version), bytes]]),
    root,
    source: mark.source,
  };
}
