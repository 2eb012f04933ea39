import { createHash } from 'node:crypto';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { ErrorCode } from '../../src/domain/errors.js';
import { makeMetadata } from '../../src/trust/make.js';
import { rotateRootChain } from '../../src/trust/roots.js';
import { readRoots } from '../../src/trust/published.js';
import { tufKeyId, tufKeyJson } from '../../src/trust/tuf-key.js';
import { forge, signJson, type Forgery, type Loose } from './forge.js';
import { entries, identity } from './sample.js';

export const source = identity('source');
const thief = identity('thief');
export const now = new Date('2026-11-01T10:00:00Z');
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
const publish = (previous: ReadonlyMap<string, Uint8Array> | undefined, count: number, at = now) =>
  makeMetadata({ bundle: 'demo', identity: source, entries: entries(count), previous, now: at })
    .files;

export const first = publish(undefined, 8);
export const second = publish(first, 9);
export const third = publish(second, 10);
const mark = { bundle: 'demo', source: source.did, graceDays: 270 };
/** Two bins hold everything; this is the one that version 3 changed. */
const bin = [...third.keys()].some((name) => name === '3.bin-0.json') ? 'bin-0' : 'bin-1';

export type Files = ReadonlyMap<string, Uint8Array>;
export interface Attack {
  name: string;
  /** How X refuses it; `older` is metadata that is passed over because newer is held. */
  code: ErrorCode | 'older';
  files: Files | (() => Files);
  held?: Files;
  at?: Date;
  says?: RegExp;
  /** Why a stock TUF client lets it pass; absent where it refuses too. */
  ownRule?: string | undefined;
}

const byHolder = (
  edit: Record<string, (signed: Loose) => void>,
  more: Omit<Forgery, 'edit'> = {},
) => forge(third, source, { edit, ...more });
const replaced = (files: Files, name: string, bytes: Uint8Array | undefined): Files => {
  const copy = new Map(files);
  if (bytes === undefined) copy.delete(name);
  else copy.set(name, bytes);
  return copy;
};
const signedOf = (files: Files, name: string): Loose =>
  JSON.parse(Buffer.from(files.get(name)!).toString()).signed;
const flipped = (name: string): Files => {
  const bytes = Buffer.from(third.get(name)!);
  const at = bytes.indexOf('"expires":"2') + '"expires":"'.length;
  bytes[at] = '3'.charCodeAt(0);
  return replaced(third, name, bytes);
};
const rotated = (next: (signed: Loose) => void, signers = [source, thief]): Files => {
  const chain = rotateRootChain(readRoots(third), source, thief, mark, now);
  const signed = signedOf(chain.files, '2.root.json');
  next(signed);
  return replaced(third, '2.root.json', signJson(signed, signers));
};
const firstTarget = (signed: Loose): [string, Loose] =>
  Object.entries(signed.targets)[0] as [string, Loose];
const editTarget = (edit: (target: Loose) => void): Files =>
  byHolder({ [bin]: (signed) => edit(firstTarget(signed)[1]) });
const renameTarget = (path: string): Files =>
  byHolder({
    [bin]: (signed) => {
      signed.targets = { [path]: firstTarget(signed)[1] };
    },
  });
/** The bin of a path where there are two: the first bit of its SHA-256. */
const binOf = (path: string): string =>
  (createHash('sha256').update(path).digest()[0] as number) < 128 ? 'bin-0' : 'bin-1';
/** A name for the attacker's file that belongs to the bin under attack. */
const inBin = (make: (i: number) => string): string => {
  const checked = Array.from({ length: 64 }, (_, i) => make(i));
  return checked.find((path) => binOf(path) === bin)!;
};
/** Adds the thief's key to a root and lets the edit use its id. */
const withKey = (root: Loose, edit: (root: Loose, id: string) => void): Loose => {
  const id = tufKeyId(thief.publicKey);
  root.keys[id] = tufKeyJson(thief.publicKey);
  edit(root, id);
  return root;
};
/** A whole bundle that the thief signed, every mark edited. */
const forgeAll = (mark: (signed: Loose) => void): Files => {
  const made = makeMetadata({ bundle: 'demo', identity: thief, entries: entries(3), now });
  const roles = ['root', 'bin-0', 'bin-1', 'targets', 'snapshot', 'timestamp'];
  return forge(made.files, thief, { edit: Object.fromEntries(roles.map((role) => [role, mark])) });
};

const TABLE: Attack[] = [
  // somebody else's key
  ...['1.root.json', 'timestamp.json', '3.snapshot.json', '3.targets.json', `3.${bin}.json`].map(
    (name): Attack => {
      const role = name.replace(/^\d+\.|\.json$/g, '');
      return {
        name: `${role} signed again by a thief`,
        code: 'SIGNATURE_INVALID',
        files: () =>
          role === 'root'
            ? replaced(third, name, signJson(signedOf(third, name), [thief]))
            : forge(third, source, {
                edit: { [role]: () => undefined },
                signers: { [role]: [thief] },
              }),
      };
    },
  ),
  {
    name: 'everything made by a thief who claims the source’s DID',
    code: 'SIGNATURE_INVALID',
    files: () => forgeAll((signed) => (signed.x.source = source.did)),
  },
  {
    name: 'everything made by a thief under the thief’s own DID',
    code: 'WRONG_SOURCE',
    files: () => makeMetadata({ bundle: 'demo', identity: thief, entries: entries(3), now }).files,
  },
  {
    name: 'no signatures at all',
    code: 'SIGNATURE_INVALID',
    files: () =>
      forge(third, source, { edit: { timestamp: () => undefined }, signers: { timestamp: [] } }),
  },
  {
    name: 'one byte of the timestamp changed',
    code: 'SIGNATURE_INVALID',
    files: () => flipped('timestamp.json'),
  },
  {
    name: 'one byte of the root changed',
    code: 'SIGNATURE_INVALID',
    files: () => flipped('1.root.json'),
  },
  {
    name: 'a root whose root role is not the source’s',
    code: 'SIGNATURE_INVALID',
    files: () =>
      replaced(
        third,
        '1.root.json',
        signJson(
          withKey(signedOf(third, '1.root.json'), (root, id) => (root.roles.root.keyids = [id])),
          [source, thief],
        ),
      ),
  },
  {
    name: 'a role given to a threshold of two and signed by one',
    code: 'SIGNATURE_INVALID',
    files: () =>
      replaced(
        third,
        '1.root.json',
        signJson(
          withKey(signedOf(third, '1.root.json'), (root, id) => {
            root.roles.timestamp.keyids.push(id);
            root.roles.timestamp.threshold = 2;
          }),
          [source],
        ),
      ),
  },
  {
    name: 'one key under two ids to meet a threshold of two',
    code: 'METADATA_INVALID',
    files: () => {
      const root = signedOf(third, '1.root.json');
      root.keys['f'.repeat(64)] = tufKeyJson(source.publicKey);
      return replaced(third, '1.root.json', signJson(root, [source]));
    },
  },
  {
    name: 'a first root that names the source’s key beside the thief’s, signed by the thief alone',
    code: 'SIGNATURE_INVALID',
    says: /not signed by did:key/,
    files: () => {
      const root = withKey(signedOf(third, '1.root.json'), (signed, id) => {
        for (const role of Object.values<Loose>(signed.roles)) role.keyids.push(id);
      });
      return replaced(third, '1.root.json', signJson(root, [thief]));
    },
  },
  {
    name: 'a bin that is cut short',
    code: 'METADATA_INVALID',
    says: /bytes; \d+ are listed/,
    files: () => replaced(third, `3.${bin}.json`, third.get(`3.${bin}.json`)!.subarray(0, -1)),
  },
  ...(['timestamp', 'snapshot', 'targets'] as const).map((role): Attack => ({
    name: `${role} given to a threshold of two by the next root, and signed by one`,
    code: 'SIGNATURE_INVALID',
    files: () => {
      const root = withKey({ ...signedOf(third, '1.root.json'), version: 2 }, (signed, id) => {
        const { keyids } = signed.roles[role];
        signed.roles[role] = { keyids: [...keyids, id], threshold: 2 };
      });
      return new Map(third).set('2.root.json', signJson(root, [source]));
    },
  })),
  {
    name: 'the next root demands two root keys and is signed by one',
    code: 'SIGNATURE_INVALID',
    files: () => {
      const root = withKey({ ...signedOf(third, '1.root.json'), version: 2 }, (signed, id) => {
        signed.roles.root = { keyids: [...signed.roles.root.keyids, id], threshold: 2 };
      });
      return new Map(third).set('2.root.json', signJson(root, [source]));
    },
  },
  {
    name: 'the root demanded two keys, and the next one is signed by one of them',
    code: 'SIGNATURE_INVALID',
    says: /^3\.root\.json/,
    files: () => {
      const two = withKey({ ...signedOf(third, '1.root.json'), version: 2 }, (signed, id) => {
        signed.roles.root = { keyids: [...signed.roles.root.keyids, id], threshold: 2 };
      });
      const back = { ...signedOf(third, '1.root.json'), version: 3 };
      return new Map(third)
        .set('2.root.json', signJson(two, [source, thief]))
        .set('3.root.json', signJson(back, [thief]));
    },
  },
  {
    name: 'one key’s signature twice to meet a threshold of two',
    code: 'METADATA_INVALID',
    files: () => {
      const two = withKey({ ...signedOf(third, '1.root.json'), version: 2 }, (signed, id) => {
        signed.roles.root = { keyids: [...signed.roles.root.keyids, id], threshold: 2 };
      });
      const { signatures, signed } = JSON.parse(Buffer.from(signJson(two, [source])).toString());
      const [one] = signatures;
      const bytes = Buffer.from(JSON.stringify({ signatures: [one, { ...one }], signed }));
      return new Map(third).set('2.root.json', bytes);
    },
  },
  {
    name: 'bins given to a threshold of two and signed by one',
    code: 'SIGNATURE_INVALID',
    files: () =>
      byHolder({
        targets: (signed) => {
          const id = tufKeyId(thief.publicKey);
          signed.delegations.keys[id] = tufKeyJson(thief.publicKey);
          signed.delegations.succinct_roles.keyids.push(id);
          signed.delegations.succinct_roles.threshold = 2;
        },
      }),
  },
  // rotation
  {
    name: 'a rotation that the old key did not sign, and all that follows signed by the new one',
    code: 'SIGNATURE_INVALID',
    says: /^2\.root\.json/,
    files: () => {
      const files = rotated(() => undefined, [thief]);
      const roles = ['bin-0', 'bin-1', 'targets', 'snapshot', 'timestamp'];
      const edit = Object.fromEntries(roles.map((role) => [role, () => undefined]));
      return forge(files, thief, { edit });
    },
  },
  {
    name: 'a rotation that the new key did not sign',
    code: 'SIGNATURE_INVALID',
    files: () => rotated(() => undefined, [source]),
  },
  {
    name: 'a second root that says it is the first',
    code: 'ROLLBACK',
    files: () => rotated((root) => (root.version = 1)),
  },
  {
    name: 'a second root that skips a version',
    code: 'METADATA_INVALID',
    files: () => rotated((root) => (root.version = 3)),
  },
  {
    name: 'a rotation that renames the source',
    code: 'WRONG_SOURCE',
    files: () => rotated((root) => (root.x.source = thief.did)),
  },
  {
    name: 'after a rotation, metadata of the old key',
    code: 'SIGNATURE_INVALID',
    files: () => rotated(() => undefined),
  },
  {
    name: 'a root chain without an end',
    code: 'METADATA_INVALID',
    says: /root versions/,
    files: () => {
      const files = new Map(third);
      const root = signedOf(third, '1.root.json');
      for (let version = 2; version <= BOUNDS.rootRotations + 2; version += 1) {
        files.set(`${version}.root.json`, signJson({ ...root, version }, [source]));
      }
      return files;
    },
  },
  // rollback
  {
    name: 'the timestamp of an older version, and all below it',
    code: 'older',
    held: third,
    files: second,
  },
  {
    name: 'a newer timestamp that goes back to an older snapshot',
    code: 'ROLLBACK',
    says: /goes back to snapshot version/,
    held: second,
    files: () => {
      const timestamp = signedOf(third, 'timestamp.json');
      timestamp.meta = signedOf(first, 'timestamp.json').meta;
      const files = new Map([...first, ...third]);
      return files.set('timestamp.json', signJson(timestamp, [source]));
    },
  },
  {
    name: 'a newer snapshot that goes back to older targets',
    code: 'ROLLBACK',
    held: second,
    files: () => {
      const old = signedOf(first, '1.snapshot.json').meta['targets.json'];
      const files = byHolder({ snapshot: (signed) => (signed.meta['targets.json'] = old) });
      return new Map([...first, ...files]);
    },
  },
  {
    name: 'a newer snapshot that goes back to an older bin',
    code: 'ROLLBACK',
    held: second,
    files: () =>
      new Map([
        ...first,
        ...byHolder({
          snapshot: (signed) => {
            const old = signedOf(first, '1.snapshot.json').meta;
            const newest = signedOf(second, '2.snapshot.json').meta;
            const name = Object.keys(newest).find(
              (file) => file.startsWith('bin') && newest[file].version === 2,
            )!;
            signed.meta[name] = old[name];
          },
        }),
      ]),
  },
  {
    name: 'a newer snapshot that drops a file',
    code: 'ROLLBACK',
    held: second,
    files: () => byHolder({ snapshot: (signed) => delete signed.meta[`${bin}.json`] }),
  },
  {
    name: 'another timestamp of the version that is held',
    code: 'ROLLBACK',
    held: third,
    files: () => publish(second, 12, days(1)),
  },
  // freeze
  ...['timestamp', 'snapshot', 'targets', bin].map((role): Attack => ({
    name: `${role} expired and past its grace`,
    code: 'EXPIRED',
    files: () => byHolder({ [role]: (signed) => (signed.expires = '2025-11-01T00:00:00Z') }),
  })),
  { name: 'all of it expired and past its grace', code: 'EXPIRED', at: days(361), files: third },
  {
    name: 'a root past its grace under a fresh timestamp',
    code: 'EXPIRED',
    files: () => {
      const root = signedOf(third, '1.root.json');
      root.expires = '2025-11-01T00:00:00Z';
      return replaced(third, '1.root.json', signJson(root, [source]));
    },
  },
  {
    name: 'a grace that never ends',
    code: 'METADATA_INVALID',
    files: () => byHolder({ timestamp: (signed) => (signed.x.graceDays = 1e9) }),
  },
  // mix and match
  {
    name: 'an older snapshot under the new name',
    code: 'METADATA_INVALID',
    files: () => replaced(third, '3.snapshot.json', second.get('2.snapshot.json')),
  },
  {
    name: 'older targets under the new name',
    code: 'METADATA_INVALID',
    files: () => replaced(third, '3.targets.json', second.get('2.targets.json')),
  },
  {
    name: 'another bin under a bin’s name',
    code: 'METADATA_INVALID',
    files: () => {
      const other = [...third].find(([name]) => name.includes('.bin-') && !name.includes(bin))!;
      return replaced(third, `3.${bin}.json`, other[1]);
    },
  },
  {
    name: 'a bin with one byte too many',
    code: 'METADATA_INVALID',
    files: () =>
      replaced(
        third,
        `3.${bin}.json`,
        Buffer.concat([third.get(`3.${bin}.json`)!, Buffer.from(' ')]),
      ),
  },
  {
    name: 'a snapshot whose sha256 is another',
    code: 'METADATA_INVALID',
    files: () =>
      byHolder({
        timestamp: (signed) => (signed.meta['snapshot.json'].hashes.sha256 = '0'.repeat(64)),
      }),
  },
  ...(['targets', bin] as const).flatMap((role): Attack[] => [
    {
      name: `${role} listed with another sha256`,
      code: 'METADATA_INVALID',
      files: () =>
        byHolder({
          snapshot: (signed) => (signed.meta[`${role}.json`].hashes.sha256 = '0'.repeat(64)),
        }),
    },
    {
      name: `${role} listed one byte too long`,
      code: 'METADATA_INVALID',
      files: () => byHolder({ snapshot: (signed) => (signed.meta[`${role}.json`].length += 1) }),
    },
    {
      name: `${role} listed one byte too short`,
      code: 'METADATA_INVALID',
      files: () => byHolder({ snapshot: (signed) => (signed.meta[`${role}.json`].length -= 1) }),
    },
  ]),
  {
    name: 'a snapshot listed one byte too short',
    code: 'METADATA_INVALID',
    files: () => byHolder({ timestamp: (signed) => (signed.meta['snapshot.json'].length -= 1) }),
  },
  {
    name: 'a snapshot listed without hashes',
    code: 'METADATA_INVALID',
    files: () => byHolder({ timestamp: (signed) => delete signed.meta['snapshot.json'].hashes }),
  },
  {
    name: 'a bin listed without a length',
    code: 'METADATA_INVALID',
    files: () => byHolder({ snapshot: (signed) => delete signed.meta[`${bin}.json`].length }),
  },
  {
    name: 'targets of another version inside than listed',
    code: 'METADATA_INVALID',
    files: () => {
      const files = byHolder({ targets: (signed) => (signed.version = 7) });
      const bytes = files.get('7.targets.json')!;
      const relisted = forge(files, source, {
        edit: { snapshot: (signed) => (signed.meta['targets.json'].version = 3) },
      });
      return new Map(relisted).set('3.targets.json', bytes);
    },
  },
  {
    name: 'the snapshot held back',
    code: 'METADATA_INVALID',
    files: () => replaced(third, '3.snapshot.json', undefined),
  },
  {
    name: 'a bin held back',
    code: 'METADATA_INVALID',
    files: () => replaced(third, `3.${bin}.json`, undefined),
  },
  {
    name: 'the root held back',
    code: 'METADATA_INVALID',
    files: () => replaced(third, '1.root.json', undefined),
  },
  // another bundle's metadata
  {
    name: 'another bundle of the same source under this name',
    code: 'METADATA_INVALID',
    files: () =>
      makeMetadata({ bundle: 'other', identity: source, entries: entries(3), now }).files,
  },
  ...['timestamp', 'snapshot', 'targets', bin].map((role): Attack => ({
    name: `${role} of another bundle`,
    code: 'METADATA_INVALID',
    files: () => byHolder({ [role]: (signed) => (signed.x.bundle = 'other') }),
  })),
  {
    name: 'a timestamp of another source’s',
    code: 'WRONG_SOURCE',
    files: () => byHolder({ timestamp: (signed) => (signed.x.source = thief.did) }),
  },
  {
    name: 'a timestamp without a mark',
    code: 'METADATA_INVALID',
    files: () => byHolder({ timestamp: (signed) => delete signed.x }),
  },
  {
    name: 'a snapshot in the place of the targets',
    code: 'METADATA_INVALID',
    files: () => byHolder({ targets: (signed) => (signed._type = 'snapshot') }),
  },
  // endless or hostile data
  {
    name: 'a timestamp without an end',
    code: 'METADATA_INVALID',
    says: /longer/,
    files: () =>
      replaced(third, 'timestamp.json', Buffer.alloc(BOUNDS.timestampMetadataBytes + 1, 0x20)),
  },
  {
    name: 'a root without an end',
    code: 'METADATA_INVALID',
    says: /longer/,
    files: () => replaced(third, '1.root.json', Buffer.alloc(BOUNDS.rootMetadataBytes + 1, 0x20)),
  },
  {
    name: 'a snapshot listed as endless',
    code: 'METADATA_INVALID',
    files: () =>
      byHolder({ timestamp: (signed) => (signed.meta['snapshot.json'].length = 2 ** 40) }),
  },
  {
    name: 'bins listed as endless in sum',
    code: 'METADATA_INVALID',
    says: /bins of "demo" take/,
    files: () =>
      byHolder({
        targets: (signed) => (signed.delegations.succinct_roles.bit_length = 8),
        snapshot: (signed) => {
          for (let i = 0; i < 256; i += 1) {
            const name = `bin-${i.toString(16).padStart(2, '0')}.json`;
            signed.meta[name] = {
              ...signed.meta[`${bin}.json`],
              length: BOUNDS.targetsMetadataBytes,
            };
          }
        },
      }),
  },
  {
    name: 'a timestamp that is not JSON',
    code: 'METADATA_INVALID',
    files: () => replaced(third, 'timestamp.json', Buffer.from('{')),
  },
  {
    name: 'a timestamp nested without an end',
    code: 'METADATA_INVALID',
    files: () => replaced(third, 'timestamp.json', Buffer.from('['.repeat(60_000))),
  },
  {
    name: 'a root of too many keys',
    code: 'METADATA_INVALID',
    says: /"keys"/,
    files: () => {
      const root = signedOf(third, '1.root.json');
      for (let i = 0; i < 1000; i += 1) root.keys[`${i}`] = tufKeyJson(thief.publicKey);
      return replaced(third, '1.root.json', signJson(root, [source]));
    },
  },
  {
    name: 'a version that is not a whole number',
    code: 'METADATA_INVALID',
    files: () => byHolder({ timestamp: (signed) => (signed.version = 1e300) }),
  },
  {
    name: 'an expiry that is no date',
    code: 'METADATA_INVALID',
    files: () => byHolder({ timestamp: (signed) => (signed.expires = 'Tue Mar 1 275760') }),
  },
  // delegations out of bounds
  {
    name: 'four thousand million bins',
    code: 'METADATA_INVALID',
    says: /bins, more than/,
    files: () =>
      byHolder({ targets: (signed) => (signed.delegations.succinct_roles.bit_length = 32) }),
  },
  {
    name: 'bins with a path for a name',
    code: 'METADATA_INVALID',
    files: () =>
      byHolder({
        targets: (signed) => (signed.delegations.succinct_roles.name_prefix = '../../bin'),
      }),
  },
  {
    name: 'a delegation to a role beside the bins',
    code: 'METADATA_INVALID',
    files: () =>
      byHolder({
        targets: (signed) => {
          const keyids = Object.keys(signed.delegations.keys);
          delete signed.delegations.succinct_roles;
          signed.delegations.roles = [
            { name: 'evil', keyids, threshold: 1, terminating: true, paths: ['*'] },
          ];
        },
      }),
  },
  {
    name: 'bins handed to a thief by nobody',
    code: 'SIGNATURE_INVALID',
    files: () =>
      byHolder({
        targets: (signed) => {
          const id = tufKeyId(thief.publicKey);
          signed.delegations.keys = { [id]: tufKeyJson(thief.publicKey) };
          signed.delegations.succinct_roles.keyids = [id];
        },
      }),
  },
  {
    name: 'a bin that delegates further',
    code: 'METADATA_INVALID',
    files: () =>
      byHolder({
        [bin]: (signed) => (signed.delegations = signedOf(third, '3.targets.json').delegations),
      }),
  },
  {
    name: 'a target at the top level',
    code: 'METADATA_INVALID',
    files: () =>
      byHolder({
        targets: (signed) =>
          (signed.targets = { evil: { length: 1, hashes: { sha256: '0'.repeat(64) } } }),
      }),
  },
  {
    name: 'a target in a bin that is not its own',
    code: 'METADATA_INVALID',
    says: /belongs to/,
    files: () => {
      const other = bin === 'bin-0' ? 'bin-1' : 'bin-0';
      const name = [...third.keys()].find((file) => file.includes(other))!;
      const [path, target] = firstTarget(signedOf(third, name));
      return byHolder({ [bin]: (signed) => (signed.targets[path] = target) });
    },
  },
  // entries
  {
    name: 'a path that climbs out',
    code: 'METADATA_INVALID',
    says: /the path/,
    files: () => renameTarget(inBin((i) => `../${i}`)),
  },
  {
    name: 'an absolute path',
    code: 'METADATA_INVALID',
    says: /the path/,
    files: () => renameTarget(inBin((i) => `/etc/${i}`)),
  },
  {
    name: 'a Windows path',
    code: 'METADATA_INVALID',
    says: /the path/,
    files: () => renameTarget(inBin((i) => `C:\\${i}`)),
  },
  {
    name: 'two paths that differ in case alone',
    code: 'METADATA_INVALID',
    says: /file systems/,
    files: () => {
      const paths = [...third].flatMap(([name, bytes]) =>
        name.startsWith('3.bin-') || name.startsWith('2.bin-') || name.startsWith('1.bin-')
          ? Object.keys(JSON.parse(Buffer.from(bytes).toString()).signed.targets)
          : [],
      );
      const twin = paths.map((path) => path.toUpperCase()).find((path) => binOf(path) === bin)!;
      return byHolder({ [bin]: (signed) => (signed.targets[twin] = firstTarget(signed)[1]) });
    },
  },
  {
    name: 'a length below nothing',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => (target.length = -1)),
  },
  {
    name: 'a length beyond any artifact',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => (target.length = BOUNDS.artifactBytes + 1)),
  },
  {
    name: 'a target without sha256',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => delete target.hashes.sha256),
  },
  {
    name: 'a digest in capitals',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => (target.hashes.sha256 = 'A'.repeat(64))),
  },
  {
    name: 'a target without a piece root',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => delete target.custom.x.pieceRoot),
  },
  {
    name: 'a target that says nothing of itself',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => delete target.custom),
  },
  {
    name: 'an unknown kind',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => (target.custom.x.kind = 'script')),
  },
  {
    name: 'a name with a line break',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => (target.custom.x.name = 'a\nb')),
  },
  {
    name: 'a requirement that is no text',
    code: 'METADATA_INVALID',
    files: () => editTarget((target) => (target.custom.x.requires = [{}])),
  },
  {
    name: 'one digest with two piece roots',
    code: 'METADATA_INVALID',
    says: /piece root/,
    files: () =>
      byHolder({
        [bin]: (signed) => {
          const [path, target] = firstTarget(signed);
          const twin = inBin((i) => `${path}.${i}`);
          signed.targets[twin] = structuredClone(target);
          signed.targets[twin].custom.x.pieceRoot = '1'.repeat(64);
        },
      }),
  },
  {
    name: 'no bytes, under the digest of some',
    code: 'METADATA_INVALID',
    says: /sha256/,
    files: () => editTarget((target) => (target.length = 0)),
  },
  {
    name: 'no bytes, under the piece root of some',
    code: 'METADATA_INVALID',
    says: /pieceRoot/,
    files: () =>
      editTarget((target) => {
        target.length = 0;
        target.hashes.sha256 = createHash('sha256').digest('hex');
      }),
  },
  {
    name: 'more pieces than any pull can number',
    code: 'LIMIT_EXCEEDED',
    says: /pieces/,
    files: () =>
      byHolder({
        [bin]: (signed) => {
          const [path, target] = firstTarget(signed);
          for (let i = 0; i < 17; i += 1) {
            const other = structuredClone(target);
            other.length = BOUNDS.artifactBytes;
            other.hashes.sha256 = createHash('sha256').update(`${i}`).digest('hex');
            signed.targets[inBin((n) => `${path}.${i}.${n}`)] = other;
          }
        },
      }),
  },
  {
    name: 'masters that are no DIDs',
    code: 'METADATA_INVALID',
    files: () => byHolder({ targets: (signed) => (signed.x.masters = ['evil.example']) }),
  },
];

/** Rules of X's own, above the specification: what a stock client lets pass, and why. */
const OWN_RULES: Record<string, readonly string[]> = {
  'the root that a client starts from is given to it; X is given a DID': [
    'root signed again by a thief',
    'one byte of the root changed',
    'a root whose root role is not the source’s',
    'a role given to a threshold of two and signed by one',
    'one key under two ids to meet a threshold of two',
    'a first root that names the source’s key beside the thief’s, signed by the thief alone',
    'a root past its grace under a fresh timestamp',
    'the root held back',
    'a root without an end',
    'a root of too many keys',
  ],
  'a root chain ends at the bound, and what was read counts': ['a root chain without an end'],
  'of the version that is held nothing is read': ['another timestamp of the version that is held'],
  'lengths and hashes may be left out': [
    'a snapshot listed without hashes',
    'a bin listed without a length',
  ],
  'what is beside the specification’s members is not read': [
    'a grace that never ends',
    'another bundle of the same source under this name',
    ...['timestamp', 'snapshot', 'targets', bin].map((role) => `${role} of another bundle`),
    'a timestamp of another source’s',
    'a timestamp without a mark',
    'masters that are no DIDs',
  ],
  'any number is a version, any date an expiry': [
    'a version that is not a whole number',
    'an expiry that is no date',
  ],
  'delegations may be of any form': [
    'a delegation to a role beside the bins',
    'a bin that delegates further',
    'a target at the top level',
  ],
  'a path is looked up in its own bin, and nothing else in a bin is read': [
    'a target in a bin that is not its own',
  ],
  'paths, sizes and what is said of a target are the application’s': [
    'a path that climbs out',
    'an absolute path',
    'a Windows path',
    'two paths that differ in case alone',
    'a length beyond any artifact',
    'a target without sha256',
    'a digest in capitals',
    'a target without a piece root',
    'a target that says nothing of itself',
    'an unknown kind',
    'a name with a line break',
    'a requirement that is no text',
    'one digest with two piece roots',
    'no bytes, under the digest of some',
    'no bytes, under the piece root of some',
    'more pieces than any pull can number',
  ],
};

export const ATTACKS: readonly Attack[] = TABLE.map((attack) => ({
  ...attack,
  ownRule: Object.keys(OWN_RULES).find((rule) => OWN_RULES[rule]?.includes(attack.name)),
}));
