import { BOUNDS } from '../../../domain/bounds.js';
import { XError } from '../../../domain/errors.js';
import type { BundleDocument, HeldView } from '../../../ports/ecosystem.js';
import { isObject } from '../json.js';
import type { Advisory } from './osv.js';

/** Where a bundle carries the advisories about its packages. */
export const ADVISORIES_PATH = 'npm/-/advisories.json';

/** What a source was given, before anything is chosen from it. */
export interface AdvisoryFeed {
  advisories: readonly Advisory[];
  /** How many were read, those of other ecosystems included. */
  read: number;
}

/** What a bundle carries: what is known of its packages. */
export interface CarriedAdvisories {
  /** When the newest of all that were read was changed, ISO 8601: how current it all is. */
  newest: string | undefined;
  advisories: Advisory[];
}

/** The document for a bundle with these packages. @throws XError LIMIT_EXCEEDED. */
export function advisoriesDocument(
  feed: AdvisoryFeed,
  packages: readonly { name: string; targets: string[]; private: boolean }[],
): BundleDocument {
  const names = new Set(packages.map(({ name }) => name));
  const advisories = feed.advisories.flatMap((advisory) => {
    const affected = advisory.affected.filter(({ name }) => names.has(name));
    return affected.length === 0 ? [] : [{ ...advisory, affected }];
  });
  const newest = feed.advisories.reduce(
    (latest, { modified }) => (modified > latest ? modified : latest),
    '',
  );
  advisories.sort((a, b) => (a.id < b.id ? -1 : 1));
  const body = Buffer.from(
    JSON.stringify({ schema: 1, newest: newest === '' ? null : newest, advisories }),
  );
  if (body.length > BOUNDS.documentBytes) {
    throw new XError(
      'LIMIT_EXCEEDED',
      `npm: the advisories about these packages are ${body.length} bytes`,
    );
  }
  return {
    kind: 'index',
    path: ADVISORIES_PATH,
    ecosystem: 'npm',
    name: undefined,
    version: undefined,
    proof: 'none',
    requires: [],
    targets: [...new Set(packages.flatMap(({ targets }) => targets))].sort(),
    private: packages.some((one) => one.private),
    detail: {},
    body,
  };
}

/** What all bundles that carry advisories say together, and which those are; undefined where none does. */
export async function heldAdvisories(
  view: HeldView,
): Promise<(CarriedAdvisories & { bundleIds: Set<string> }) | undefined> {
  const bundleIds = new Set<string>();
  const newest: string[] = [];
  const byId = new Map<string, Advisory>();
  for (const { id } of view.bundles()) {
    const entry = view.entryByPath(id, ADVISORIES_PATH);
    if (entry === undefined) continue;
    const carried = decodeAdvisories(await view.read(entry, BOUNDS.documentBytes));
    if (carried === undefined) {
      throw new XError('METADATA_INVALID', `${id}: no readable ${ADVISORIES_PATH}`, {
        hint: 'Pull the bundle again; if it stays so, its source has to publish it anew.',
      });
    }
    bundleIds.add(id);
    if (carried.newest !== undefined) newest.push(carried.newest);
    for (const advisory of carried.advisories) {
      const known = byId.get(advisory.id);
      byId.set(advisory.id, known === undefined ? advisory : merged(known, advisory));
    }
  }
  if (bundleIds.size === 0) return undefined;
  // The oldest of them is what all packages were looked up in.
  return { bundleIds, newest: newest.sort()[0], advisories: [...byId.values()] };
}

/** Two bundles carry of one advisory what is about their own packages; the newer text holds. */
function merged(a: Advisory, b: Advisory): Advisory {
  const [older, newer] = a.modified < b.modified ? [a, b] : [b, a];
  const names = new Set(newer.affected.map(({ name }) => name));
  const rest = older.affected.filter(({ name }) => !names.has(name));
  return { ...newer, affected: [...newer.affected, ...rest] };
}

/** What this program wrote itself and a source signed; undefined where the bytes are none. */
function decodeAdvisories(bytes: Uint8Array): CarriedAdvisories | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // Its caller names the entry.
    return undefined;
  }
  if (!isObject(json) || !Array.isArray(json['advisories'])) return undefined;
  const { newest, advisories } = json;
  const isAdvisory = (one: unknown): boolean =>
    isObject(one) &&
    ['id', 'title', 'url', 'severity', 'modified'].every((key) => typeof one[key] === 'string') &&
    [one['aliases'], one['cwe'], one['affected']].every((value) => Array.isArray(value));
  if (!advisories.every(isAdvisory)) return undefined;
  return {
    newest: typeof newest === 'string' ? newest : undefined,
    advisories: advisories as unknown as Advisory[],
  };
}
