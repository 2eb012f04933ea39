import type { Metadata, Root } from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import { isBundleName, type Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import { canonicalText } from './canonical.js';
import { didOfPublicKey } from './did.js';
import type { Identity } from './identity.js';
import { markJson, readMark, type RoleMark } from './mark.js';
import { rootFileName, SPEC_VERSION } from './names.js';
import { markOf, parseRoot } from './parse.js';
import { ROOT_VALID_DAYS, type RootChain } from './roots.js';
import { addDays, formatTime } from './time.js';
import { tufKeyId, tufKeyJson, tufKeyOfDid } from './tuf-key.js';

/** Whose signatures a root needs: so many of these keys. */
export interface RootRole {
  keys: Did[];
  threshold: number;
}

/** A next root of one bundle that waits for signatures. */
export interface RootChange {
  bundle: string;
  source: Did;
  version: number;
  before: RootRole;
  after: RootRole;
  /** Whose key signs everything but roots from then on. */
  online: Did;
  /** The DIDs whose signatures are there. */
  signedBy: Did[];
  /** The root file as it stands, with the signatures that it has. */
  bytes: Uint8Array;
}

/** Who holds a root's root role. */
export function rootRoleOf(root: Metadata<Root>): RootRole {
  const { keyIDs = [], threshold = 1 } = root.signed.roles['root'] ?? {};
  const keys = keyIDs.flatMap((id) => didOfKey(root, id) ?? []);
  return { keys, threshold };
}

/** Whose key signs the timestamp, and with it all that is published day by day. */
export function onlineKeyOf(root: Metadata<Root>): Did | undefined {
  const [id] = root.signed.roles['timestamp']?.keyIDs ?? [];
  return id === undefined ? undefined : didOfKey(root, id);
}

function didOfKey(root: Metadata<Root>, id: string): Did | undefined {
  const hex = root.signed.keys[id]?.keyVal['public'] ?? '';
  return /^[0-9a-f]{64}$/.test(hex) ? didOfPublicKey(Buffer.from(hex, 'hex')) : undefined;
}

/**
 * The next root of a chain: other holders of the root role, another online key, or only a later
 * expiry. Signed by those signers that the last root or this one gives the role to.
 */
export function proposeRoot(
  chain: RootChain,
  change: { role: RootRole; online: Did; mark: RoleMark; now: Date; signers: readonly Identity[] },
): Uint8Array {
  const { role, online, mark, now, signers } = change;
  const keys = [...new Set([...role.keys, online])].map((did) => tufKeyOfDid(did));
  const day = { keyids: [tufKeyOfDid(online).keyID], threshold: 1 };
  const keyids = role.keys.map((did) => tufKeyOfDid(did).keyID);
  const signed: JsonObject = {
    _type: 'root',
    spec_version: SPEC_VERSION,
    version: chain.root.signed.version + 1,
    expires: formatTime(addDays(now, ROOT_VALID_DAYS)),
    consistent_snapshot: true,
    keys: Object.fromEntries(
      keys.map((key) => [
        key.keyID,
        tufKeyJson(Buffer.from(key.keyVal['public'] ?? '', 'hex')) as unknown as JsonObject,
      ]),
    ),
    roles: {
      root: { keyids, threshold: role.threshold },
      timestamp: day,
      snapshot: day,
      targets: day,
    },
    x: markJson(mark),
  };
  const asked = new Set([...rootRoleOf(chain.root).keys, ...role.keys]);
  return signers
    .filter(({ did }) => asked.has(did))
    .reduce((bytes, signer) => signRoot(bytes, signer), encode(signed, []));
}

function encode(signed: JsonObject, signatures: JsonObject[]): Uint8Array {
  return Buffer.from(JSON.stringify({ signatures, signed }));
}

/** A root file with one more signature; the same where that signer's is there. */
export function signRoot(bytes: Uint8Array, signer: Identity): Uint8Array {
  const json = JSON.parse(Buffer.from(bytes).toString()) as {
    signed: JsonObject;
    signatures: { keyid: string; sig: string }[];
  };
  const keyid = tufKeyId(signer.publicKey);
  if (json.signatures.some((one) => one.keyid === keyid)) return bytes;
  const sig = Buffer.from(signer.sign(Buffer.from(canonicalText(json.signed)))).toString('hex');
  return encode(json.signed, [...json.signatures, { keyid, sig }]);
}

/**
 * What a proposed root says, beside the root that it follows; nothing of it is applied.
 * @throws XError METADATA_INVALID.
 */
export function readChange(bytes: Uint8Array, before: RootRole): RootChange {
  const where = 'the proposed root';
  if (bytes.length > BOUNDS.rootMetadataBytes) {
    throw new XError('METADATA_INVALID', `${where} has ${bytes.length} bytes`);
  }
  const root = parseRoot(where, bytes);
  const mark = readMark(markOf(root.signed));
  const online = onlineKeyOf(root);
  if (mark === undefined || online === undefined || !isBundleName(mark.bundle)) {
    throw new XError('METADATA_INVALID', `${where} names no bundle, source or signing key`);
  }
  const after = rootRoleOf(root);
  const asked = [...new Set([...before.keys, ...after.keys])];
  return {
    bundle: mark.bundle,
    source: mark.source,
    version: root.signed.version,
    before,
    after,
    online,
    signedBy: asked.filter((did) => hasSigned(root, did)),
    bytes,
  };
}

function hasSigned(root: Metadata<Root>, did: Did): boolean {
  try {
    tufKeyOfDid(did).verifySignature(root);
    return true;
  } catch {
    return false;
  }
}

/** How many signatures a change lacks by the rule of the root before and by its own. */
export function lackingSignatures({ before, after, signedBy }: RootChange): number {
  const lacks = ({ keys, threshold }: RootRole): number =>
    threshold - keys.filter((did) => signedBy.includes(did)).length;
  return Math.max(0, lacks(before), lacks(after));
}

/** The root files of a bundle with a change at their end; `lackingSignatures` is 0. */
export function chainWith(chain: RootChain, { version, bytes }: RootChange): RootChain {
  const name = rootFileName(version);

  return {
    ...chain,
    files: new Map([...chain.files, [name, bytes]]),
    root: parseRoot(name, bytes),
  };
}
