import assert from 'node:assert/strict';
import { isBundleName, type BundleEntry, type Did, type Manifest } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { BundleDocument, FetchedArtifact, Sealed } from '../ports/ecosystem.js';
import type { Store, StoredBlob } from '../ports/store.js';
import type { Identity } from '../trust/identity.js';
import { makeMetadata } from '../trust/make.js';
import { isWebAddress } from '../domain/web-address.js';
import { inputPaths } from './input-paths.js';
import { withoutSecrets } from './without-secrets.js';

export interface BuildDeps {
  store: Pick<Store, 'stat' | 'putBytes'>;
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  identity: Identity;
  /** Whose key holds the bundles' roles; default the identity's own. */
  signer?: Identity | undefined;
}

/** An input file and its copy whose addresses point at the gateway, where one was made. */
export interface BundleInput {
  /** As the user named it, as it stands relative to the file that names it, or the address it was fetched from. */
  path: string;
  text: string;
  rewritten?: string | undefined;
}

export interface BuildRequest {
  name: string;
  /** Everything that was selected; the store holds the bytes. */
  artifacts: readonly FetchedArtifact[];
  /** What each ecosystem added: documents, and which proofs held. */
  sealed: readonly Sealed[];
  inputs: readonly BundleInput[];
  /** Target ids of the plan; inputs carry them all. */
  targets: readonly string[];
  /** DIDs that may serve as master; default the source alone. */
  masters?: readonly Did[] | undefined;
  graceDays?: number | undefined;
  /** Signed with the bundle: OpenPGP fingerprints, revoked serials. */
  extra?: JsonObject | undefined;
}

export interface BuildResult {
  record: BundleRecord;
  manifest: Manifest;
  /** False where the bundle was published like this already: nothing was signed. */
  changed: boolean;
  warnings: string[];
}

/**
 * Signs what was resolved, fetched and proved, and saves it as a bundle that this machine is the
 * source of. Published again, versions rise; unchanged, nothing happens.
 * @throws XError USAGE for a name that cannot be one; CONFLICT where two files claim one path;
 *   METADATA_INVALID, LIMIT_EXCEEDED, SIGNATURE_INVALID as makeMetadata; DISK_FULL, IO_FAILED.
 */
export async function buildBundle(deps: BuildDeps, request: BuildRequest): Promise<BuildResult> {
  const { catalog, clock, identity, signer } = deps;
  const { name, masters, graceDays, extra } = request;
  if (!isBundleName(name)) {
    throw new XError('USAGE', `"${name}" cannot be a bundle’s name`, {
      hint: 'Use --name with lower-case letters, digits, dots, dashes and underscores, at most 64.',
    });
  }
  const entries = new EntrySet();
  for (const fetched of request.artifacts)
    entries.add(artifactEntry(deps, fetched, request.sealed));
  for (const { documents } of request.sealed) {
    for (const document of documents) entries.add(await documentEntry(deps, document));
  }
  const inputs = request.inputs.map(publishable);
  for (const document of inputDocuments(inputs, request.targets))
    entries.add(await documentEntry(deps, document));

  const published = catalog.bundles().find((one) => one.name === name && one.role === 'source');
  const previous = published && catalog.metadata(published.id);
  const now = clock.now();
  const list = entries.list();
  const made = makeMetadata({
    bundle: name,
    identity,
    signer,
    entries: list,
    previous,
    now,
    graceDays,
    masters,
    extra,
  });
  const record =
    !made.changed && published
      ? published
      : catalog.saveBundle(made.manifest, 'source', made.files);
  const warnings = [
    ...request.sealed.flatMap((sealed) => sealed.warnings),
    ...inputs.flatMap(({ warning }) => warning ?? []),
  ];
  return { record, manifest: made.manifest, changed: made.changed, warnings };
}

/** Entries by path; what several plans select becomes one. */
class EntrySet {
  readonly #byPath = new Map<string, BundleEntry>();

  add(entry: BundleEntry): void {
    const twin = this.#byPath.get(entry.path);
    if (twin === undefined) {
      this.#byPath.set(entry.path, entry);
      return;
    }
    if (twin.sha256 !== entry.sha256) {
      throw new XError('CONFLICT', `two different files are to be ${entry.path}`, {
        hint: 'Two indexes disagree about this file: choose one of them.',
      });
    }
    twin.requires = union(twin.requires, entry.requires);
    twin.targets = union(twin.targets, entry.targets);
    twin.private ||= entry.private;
  }

  list(): BundleEntry[] {
    return [...this.#byPath.values()];
  }
}

function artifactEntry(
  { store }: BuildDeps,
  { artifact, sha256, sha512 }: FetchedArtifact,
  sealed: readonly Sealed[],
): BundleEntry {
  const { path, ecosystem, name, version, purl, digests, requires, targets } = artifact;
  const held = sealed.find(({ proofs }) => proofs.has(path))?.proofs.get(path);
  const detail = { ...artifact.detail };
  for (const { details } of sealed) Object.assign(detail, details.get(path));
  return {
    ...blobFields(heldBlob(store, sha256)),
    // Where a publisher's, or what an npm client asks for.
    ...(digests.sha512 === undefined && ecosystem !== 'npm' ? {} : { sha512 }),
    path,
    kind: 'package',
    ecosystem,
    name,
    version,
    purl,
    proof: held?.proof ?? 'none',
    requires: union(requires, []),
    targets: union(targets, []),
    private: artifact.private,
    detail,
  };
}

async function documentEntry({ store }: BuildDeps, document: BundleDocument): Promise<BundleEntry> {
  const { body, ...fields } = document;
  const blob =
    body instanceof Uint8Array ? await store.putBytes(body) : heldBlob(store, body.sha256);
  return {
    ...fields,
    ...blobFields(blob),
    requires: union(fields.requires, []),
    targets: union(fields.targets, []),
  };
}

/** Bundles are copied to machines and sticks: no password goes along. */
function publishable(input: BundleInput): BundleInput & { warning: string | undefined } {
  const text = withoutSecrets(input.text);
  const rewritten = input.rewritten === undefined ? undefined : withoutSecrets(input.rewritten);
  const warning =
    text === input.text
      ? undefined
      : `${input.path}: the credentials in its addresses are left out of the copy that the bundle carries`;
  return { path: input.path, text, rewritten, warning };
}

/** The requirement files; private, for they may name what the outside should not know. */
function inputDocuments(
  inputs: readonly BundleInput[],
  targets: readonly string[],
): BundleDocument[] {
  const paths = inputPaths(inputs.map(({ path }) => path));
  const document = (path: string, text: string, from: string): BundleDocument => ({
    path,
    kind: 'input',
    proof: 'none',
    requires: [],
    targets: [...targets],
    private: true,
    ...(isWebAddress(from) ? { detail: { address: from } } : {}),
    body: Buffer.from(text),
  });
  return inputs.flatMap(({ path: from, text, rewritten }, at) => {
    const path = paths[at] ?? '';
    const original = document(`inputs/original/${path}`, text, from);
    if (rewritten === undefined) return [original];
    return [original, document(`inputs/gateway/${path}`, rewritten, from)];
  });
}

function heldBlob(store: Pick<Store, 'stat'>, sha256: string): StoredBlob {
  const blob = store.stat(sha256);
  assert.ok(blob, `what is to be signed is held: ${sha256}`);
  return blob;
}

function blobFields({ sha256, lengthBytes, pieceRoot }: StoredBlob) {
  return { sha256, lengthBytes, pieceRoot };
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}
