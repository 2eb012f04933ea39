import { BOUNDS } from '../../domain/bounds.js';
import type { JsonObject, JsonValue } from '../../domain/plan.js';
import type { HeldView, NativeRequest, NativeResponse } from '../../ports/ecosystem.js';
import { bulkAnswer, readBulkRequest, readTreeRequest, treeAnswer } from './advisories/audit.js';
import { heldAdvisories } from './advisories/document.js';
import type { Advisory } from './advisories/osv.js';
import { attestationsPath } from './check-proof.js';
import { heldPackument, packageEntries } from './held-packages.js';
import { isPackageName } from './names.js';
import { jsonReply, notFound, problemReply } from './replies.js';
import { readJsonBody } from './request-body.js';
import { search } from './search.js';
import type { RegistryKey } from './signatures.js';

const BULK = '-/npm/v1/security/advisories/bulk';
const TREES = ['-/npm/v1/security/audits', '-/npm/v1/security/audits/quick'];

/**
 * Answers what clients ask of a registry beside packages.
 * @param path below the mount, beginning with `-/`.
 */
export async function respondToService(
  path: string,
  request: NativeRequest,
  view: HeldView,
  keys: () => readonly RegistryKey[],
): Promise<NativeResponse> {
  if (path === BULK || TREES.includes(path)) return audit(path, request, view);
  if (request.method === 'POST') {
    return problemReply(404, 'there are no accounts on this gateway, and nothing can be published');
  }
  const attested = /^-\/npm\/v1\/attestations\/((?:@[^/]+\/)?[^/@]+)@([^/]+)$/.exec(path);
  if (attested !== null) return attestations(attested[1] ?? '', attested[2] ?? '', request, view);
  const tagged = /^-\/package\/((?:@[^/]+\/)?[^/]+)\/dist-tags$/.exec(path);
  if (tagged !== null) return distTags(tagged[1] ?? '', request, view);
  switch (path) {
    case '-/ping':
      return jsonReply({}, request);
    case '-/npm/v1/keys':
      return jsonReply({ keys: keysDocument(keys()) }, request);
    case '-/v1/search': {
      const { length } = request.query.get('text') ?? '';
      return length > BOUNDS.searchCharacters
        ? problemReply(400, `a search has at most ${BOUNDS.searchCharacters} characters`)
        : jsonReply(await search(request, view), request);
    }
    case '-/whoami':
    case '-/npm/v1/user':
      return problemReply(404, 'there are no accounts on this gateway; nothing here needs a login');
    default:
      return notFound(path);
  }
}

/** Says what the advisories in the bundles say, how current they are, and whom they leave out. */
async function audit(
  path: string,
  request: NativeRequest,
  view: HeldView,
): Promise<NativeResponse> {
  if (request.method !== 'POST') return problemReply(405, 'an audit is a POST', { allow: 'POST' });
  const body = readJsonBody(request);
  if ('problem' in body) return problemReply(body.status, body.problem);
  const held = await heldAdvisories(view);
  if (held === undefined) {
    // "None known" would read as "none", and was never looked up. An install goes on without it.
    return problemReply(
      404,
      'no bundle on this machine carries advisories, so nothing can be said. On the connected machine, run: x source --advisories FILE -r FILE',
    );
  }
  const { advisories, newest, bundleIds } = held;
  const answered = answerOf(path, body.json, advisories);
  if (typeof answered === 'string') return problemReply(400, answered);
  const unknown = answered.names.filter((name) =>
    packageEntries(view, name).every(({ bundleId }) => !bundleIds.has(bundleId)),
  );
  const notices = [
    `audited against the advisories that the bundles carry${newest === undefined ? ', none' : `, the newest of ${newest.slice(0, 10)}`}`,
    ...(unknown.length === 0
      ? []
      : [`not looked up, for their bundle carries no advisories: ${shown(unknown)}`]),
  ];
  // npm shows this header's text.
  return jsonReply(answered.body, request, { 'npm-notice': notices.join('; ') });
}

function answerOf(
  path: string,
  json: JsonValue,
  advisories: readonly Advisory[],
): { names: string[]; body: JsonObject } | string {
  if (path === BULK) {
    const asked = readBulkRequest(json);
    if (typeof asked === 'string') return asked;
    return { names: [...asked.keys()], body: bulkAnswer(asked, advisories) };
  }
  const tree = readTreeRequest(json);
  if (typeof tree === 'string') return tree;
  // pnpm's projects stand in the tree as packages of this version do.
  const names = [
    ...new Set(tree.flatMap(({ name, version }) => (version === '0.0.0' ? [] : name))),
  ];
  return { names, body: treeAnswer(tree, advisories) };
}

const SHOWN_NAMES = 8;

function shown(names: readonly string[]): string {
  const safe = names.filter(isPackageName);
  const more = safe.length > SHOWN_NAMES ? ` and ${safe.length - SHOWN_NAMES} more` : '';
  return `${safe.slice(0, SHOWN_NAMES).join(', ')}${more}`;
}

/** The carried attestations of a version, byte for byte as its registry gave them. */
async function attestations(
  name: string,
  version: string,
  request: NativeRequest,
  view: HeldView,
): Promise<NativeResponse> {
  const entry = packageEntries(view, name).find((candidate) => candidate.version === version);
  const carried =
    entry === undefined
      ? undefined
      : view.entryByPath(entry.bundleId, attestationsPath(entry.path));
  if (carried === undefined) return notFound(`the attestations of ${name}@${version}`);
  const bytes = await view.read(carried, BOUNDS.provenanceBytes);
  return jsonReply(bytes, request);
}

async function distTags(
  name: string,
  request: NativeRequest,
  view: HeldView,
): Promise<NativeResponse> {
  const held = isPackageName(name) ? await heldPackument(view, name) : undefined;
  return held === undefined ? notFound(name) : jsonReply(held.document.distTags, request);
}

/** In the registry's own form, so that `npm audit signatures` finds them. */
export function keysDocument(keys: readonly RegistryKey[]): JsonValue[] {
  return keys.map(({ keyid, spki, end }) => ({
    expires: end ?? null,
    keyid,
    keytype: 'ecdsa-sha2-nistp256',
    scheme: 'ecdsa-sha2-nistp256',
    key: spki,
  }));
}
