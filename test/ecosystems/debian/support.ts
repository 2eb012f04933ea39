import { createHash } from 'node:crypto';
import { comparePaths, type BundleEntry } from '../../../src/domain/bundle.js';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { disagreements, sha256, sha512 } from '../../../src/domain/digest.js';
import { XError } from '../../../src/domain/errors.js';
import { parseTarget, type Target } from '../../../src/domain/target.js';
import type { EcosystemPlan } from '../../../src/domain/plan.js';
import type { AptHost } from '../../../src/ports/apt.js';
import type { BundleRecord, CatalogEntry } from '../../../src/ports/catalog.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { FetchedArtifact, HeldView, Sealed } from '../../../src/ports/ecosystem.js';
import type { StoredBlob } from '../../../src/ports/store.js';
import type { Upstream } from '../../../src/ports/upstream.js';
import {
  createDebianSource,
  type DebianSourceDeps,
} from '../../../src/ecosystems/debian/source.js';
import { createRepositorySigner } from '../../../src/ecosystems/debian/repository-key.js';
import { parseRequirements } from '../../../src/ecosystems/debian/requirements.js';
import type { IndexStore } from '../../../src/ecosystems/debian/suite-loader.js';
import { createUpstream, type OpenUpstream } from '../../../src/upstream/open-upstream.js';
import { buildDebianFixture, type DebianFixture } from '../../../fixtures/upstream/debian.js';
import { FIXTURE_PRIVATE_KEY } from '../../../fixtures/upstream/debian-key.js';
import { startFixtureUpstream, type FixtureServer } from '../../../fixtures/upstream/server.js';

export const TARGET = parseTarget('linux/amd64/glibc2.36,debian=bookworm');
export const NOW = new Date('2026-01-10T12:34:56.789Z');

const clock: Clock = {
  now: () => NOW,
  monotonicMs: () => performance.now(),
  sleep: () => Promise.resolve(),
};

/** Blobs in memory, digests checked as a store does. */
export class MemoryStore implements IndexStore {
  readonly blobs = new Map<string, Uint8Array>();

  stat(digest: string): StoredBlob | undefined {
    const bytes = this.blobs.get(digest);
    return bytes && blobOf(bytes);
  }

  async *open(digest: string): AsyncGenerator<Uint8Array> {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw new Error(`no blob ${digest}`);
    for (let at = 0; at < bytes.length; at += 1 << 18) {
      yield await Promise.resolve(bytes.subarray(at, at + (1 << 18)));
    }
  }

  read(digest: string): Promise<Uint8Array> {
    const bytes = this.blobs.get(digest);
    return bytes ? Promise.resolve(bytes) : Promise.reject(new Error(`no blob ${digest}`));
  }

  putBytes(bytes: Uint8Array): Promise<StoredBlob> {
    this.blobs.set(sha256(bytes), bytes);
    return Promise.resolve(blobOf(bytes));
  }

  putResumable: IndexStore['putResumable'] = async (
    _key,
    fetch,
    { digests = {}, lengthBytes = 0 },
  ) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await fetch(0)).stream) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (bytes.length < lengthBytes) {
      throw new XError(
        'INCOMPLETE',
        `the download ended after ${bytes.length} of ${lengthBytes} bytes`,
      );
    }
    if (disagreements(digests, { sha256: sha256(bytes) }).length > 0) {
      throw new XError('DIGEST_MISMATCH', 'another digest');
    }
    return this.putBytes(bytes);
  };
}

function blobOf(bytes: Uint8Array): StoredBlob {
  return {
    sha256: sha256(bytes),
    sha512: sha512(bytes),
    lengthBytes: bytes.length,
    pieceRoot: sha256(bytes),
  };
}

export function openUpstream(): OpenUpstream {
  return createUpstream({
    clock,
    random: { bytes: (length) => new Uint8Array(length), integer: () => 0 },
  });
}

/** How a machine's apt is set that knows the made-up archive alone. */
export function fixtureHost(fixture: DebianFixture, mirror: string, options = ''): AptHost {
  const text = fixture.suites
    .map((suite) => `deb [signed-by=${fixture.keyringPath} ${options}] ${mirror} ${suite} main\n`)
    .join('');
  return {
    sources: [{ path: '/etc/apt/sources.list', text }],
    configuration: [],
    preferences: [],
    architecture: 'amd64',
    trustedKeyrings: [],
    readKeyring: () => Promise.resolve(fixture.keyring),
    readStatus: () => Promise.resolve(''),
  };
}

/** The made-up archive behind a real server, and a source over it. */
export interface Bench extends AsyncDisposable {
  fixture: DebianFixture;
  server: FixtureServer;
  upstream: Upstream;
  store: MemoryStore;
  deps(changes?: Partial<DebianSourceDeps>): Promise<DebianSourceDeps>;
  plan(
    lines: string,
    changes?: Partial<DebianSourceDeps>,
    targets?: Target[],
  ): Promise<EcosystemPlan>;
  /** Plans, fetches and seals. */
  seal(
    lines: string,
    changes?: Partial<DebianSourceDeps>,
    targets?: Target[],
    now?: Date,
  ): Promise<SealedBundle>;
}

export interface SealedBundle {
  plan: EcosystemPlan;
  sealed: Sealed;
  entries: CatalogEntry[];
  view: HeldView;
  bundle: BundleRecord;
}

export async function openBench(): Promise<Bench> {
  const fixture = await buildDebianFixture();
  const server = await startFixtureUpstream({ debian: fixture });
  const upstream = openUpstream();
  const store = new MemoryStore();
  const deps: Bench['deps'] = async (changes = {}) => ({
    upstream,
    store,
    apt: fixtureHost(fixture, server.debianMirror),
    signer: () => createRepositorySigner(FIXTURE_PRIVATE_KEY),
    ...changes,
  });
  return {
    fixture,
    server,
    upstream,
    store,
    deps,
    async plan(lines, changes, targets = [TARGET]) {
      return (await planWith(await deps(changes), lines, targets)).plan;
    },
    async seal(lines, changes, targets = [TARGET], now = NOW) {
      return sealWith(await deps(changes), store, lines, targets, now);
    },
    async [Symbol.asyncDispose]() {
      await upstream.close();
      await server.close();
    },
  };
}

async function planWith(deps: DebianSourceDeps, lines: string, targets: Target[], now = NOW) {
  const source = createDebianSource(deps);
  const { requirements, purls } = parseRequirements(lines, 'test.apt');
  const plan = await source.plan({
    requirements: [{ requirements, purls: [] }],
    purls,
    targets,
    now,
    report: () => undefined,
  });
  return { source, plan };
}

export async function sealWith(
  deps: DebianSourceDeps,
  store: MemoryStore,
  lines: string,
  targets: Target[],
  now = NOW,
): Promise<SealedBundle> {
  const { source, plan } = await planWith(deps, lines, targets, now);
  const fetched: FetchedArtifact[] = [];
  for (const artifact of plan.artifacts) {
    const { bytes } = await deps.upstream.read(
      { ecosystem: 'debian', url: artifact.url },
      BOUNDS.documentBytes,
    );
    const { sha256: digest, sha512, lengthBytes } = await store.putBytes(bytes);
    fetched.push({ artifact, sha256: digest, sha512, lengthBytes });
  }
  const request = {
    bundle: 'demo',
    artifacts: fetched,
    targets,
    store,
    now,
    report: () => undefined,
  };
  const sealed = await source.seal(request);
  const bundle: BundleRecord = {
    id: 'demo@did:key:z6MkTest',
    name: 'demo',
    source: 'did:key:z6MkTest',
    role: 'client',
    version: 1,
    manifestDigest: '0'.repeat(64),
    signedAt: now.toISOString(),
    expiresAt: now.toISOString(),
    graceDays: 270,
    entries: 0,
    bytes: 0,
  };
  const entries = await entriesOf(bundle, fetched, sealed, store);
  return { plan, sealed, entries, bundle, view: viewOf([bundle], entries, store) };
}

async function entriesOf(
  bundle: BundleRecord,
  fetched: readonly FetchedArtifact[],
  sealed: Sealed,
  store: MemoryStore,
): Promise<CatalogEntry[]> {
  const names = { bundleId: bundle.id, bundleName: bundle.name };
  const packages = fetched.map(({ artifact, sha256: digest, lengthBytes }): CatalogEntry => ({
    ...artifact,
    ...names,
    lengthBytes,
    sha256: digest,
    pieceRoot: digest,
    kind: 'package',
    proof: sealed.proofs.get(artifact.path)?.proof ?? 'none',
    detail: { ...artifact.detail, ...sealed.details.get(artifact.path) },
  }));
  const documents: CatalogEntry[] = [];
  for (const { body, ...document } of sealed.documents) {
    const bytes = body instanceof Uint8Array ? body : await store.read(body.sha256);
    const blob = await store.putBytes(bytes);
    const sizes: Pick<BundleEntry, 'lengthBytes' | 'sha256' | 'pieceRoot'> = blob;
    documents.push({ ...document, ...names, ...sizes });
  }
  return [...packages, ...documents].sort((a, b) => comparePaths(a.path, b.path));
}

export function viewOf(
  bundles: BundleRecord[],
  entries: CatalogEntry[],
  store: MemoryStore,
): HeldView {
  return {
    bundles: () => bundles,
    entriesByName: (ecosystem, name) =>
      entries.filter((entry) => entry.ecosystem === ecosystem && entry.name === name),
    entryByPath: (bundleId, path) =>
      entries.find((entry) => entry.bundleId === bundleId && entry.path === path),
    entriesBySha256: (digest) => entries.filter((entry) => entry.sha256 === digest),
    names: () => new Set(entries.flatMap(({ kind, name }) => (kind === 'package' && name) || [])),
    read: (entry) => store.read(entry.sha256),
  };
}

/** `name version` of everything a plan selects. */
export function labels({ artifacts }: EcosystemPlan): string[] {
  return artifacts.map(({ name, version }) => `${name} ${version}`).sort();
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
