import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkerErasureCode } from '../../src/archive/erasure.js';
import { LocalMedium } from '../../src/archive/medium.js';
import { ZipVolumeReader } from '../../src/archive/zip-reader.js';
import { ZipVolumeWriter } from '../../src/archive/zip-writer.js';
import type { Catalog } from '../../src/ports/catalog.js';
import type {
  BundleDocument,
  EcosystemServer,
  FetchedArtifact,
  HeldView,
  Sealed,
} from '../../src/ports/ecosystem.js';
import type { ExportLog } from '../../src/ports/export-log.js';
import type { Store } from '../../src/ports/store.js';
import {
  buildBundle,
  type BuildRequest,
  type BuildResult,
} from '../../src/operations/build-bundle.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { identity } from '../trust/sample.js';

export const NOW = new Date('2026-11-01T10:00:00Z');
export const TARGET = 'linux/amd64/glibc2.36,python=3.12';

/** Bytes that repeat nowhere within themselves, the same for the same name. */
export function noise(name: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, count = 0; at < length; at += 32, count += 1) {
    createHash('sha256').update(`${name}:${count}`).digest().copy(bytes, at);
  }
  return bytes;
}

/** A machine: a data folder with a real store and catalog, a clock that stands, an identity. */
export class Machine {
  readonly identity;
  readonly reader = new ZipVolumeReader();
  readonly writer = new ZipVolumeWriter();
  readonly medium = new LocalMedium();
  readonly erasureCode = (): WorkerErasureCode => new WorkerErasureCode();
  readonly events: string[] = [];
  now = NOW;
  readonly clock = { now: (): Date => this.now, monotonicMs: (): number => performance.now() };
  readonly report = (event: { event: string; message?: string }): void => {
    if (event.event === 'warning') this.events.push(event.message ?? '');
  };
  store!: Store;
  catalog!: Catalog;
  exportLog!: ExportLog;
  #open!: OpenStore;

  private constructor(
    name: string,
    readonly dir: string,
  ) {
    this.identity = identity(name);
  }

  static async start(name: string): Promise<Machine> {
    const machine = new Machine(name, await mkdtemp(join(tmpdir(), `x-${name}-`)));
    await machine.open();
    return machine;
  }

  async open(): Promise<void> {
    this.#open = await openStore({ folder: join(this.dir, 'data') });
    this.store = this.#open.store;
    this.catalog = this.#open.catalog;
    this.exportLog = this.#open.exportLog;
  }

  async close(): Promise<void> {
    await this.#open.close();
  }

  async end(): Promise<void> {
    await this.close();
    await rm(this.dir, { recursive: true });
  }

  async fetched(name: string, lengthBytes: number, version = '1.0'): Promise<FetchedArtifact> {
    const { sha256, sha512 } = await this.store.putBytes(noise(`${name} ${version}`, lengthBytes));
    const filename = `${name}-${version}-py3-none-any.whl`;
    return {
      sha256,
      sha512,
      lengthBytes,
      artifact: {
        purl: `pkg:pypi/${name}@${version}`,
        ecosystem: 'pypi',
        name,
        version,
        filename,
        path: `pypi/${name}/${filename}`,
        sizeBytes: lengthBytes,
        digests: { sha256 },
        url: `https://index.example/${filename}`,
        proof: 'index-hash',
        requiredBy: [],
        requires: [],
        targets: [TARGET],
        private: false,
        detail: { 'requires-python': '>=3.9' },
      },
    };
  }

  /** Builds the bundle "demo" of named artifacts, each with a proof document. */
  async publish(
    sizes: Record<string, number>,
    more: Partial<BuildRequest> = {},
    version = '1.0',
  ): Promise<BuildResult> {
    const artifacts: FetchedArtifact[] = [];
    for (const [name, size] of Object.entries(sizes))
      artifacts.push(await this.fetched(name, size, version));
    const sealed: Sealed = {
      documents: artifacts.map(proofDocument),
      proofs: new Map(
        artifacts.map(({ artifact }) => [artifact.path, { proof: 'pep740' as const }]),
      ),
      details: new Map(),
      warnings: [],
    };
    const request = {
      name: 'demo',
      artifacts,
      sealed: [sealed],
      inputs: [],
      targets: [TARGET],
      ...more,
    };
    return buildBundle(this, request);
  }
}

function proofDocument({ artifact, sha256 }: FetchedArtifact): BundleDocument {
  return {
    path: `pypi/${artifact.name}/${artifact.filename}.proof`,
    kind: 'proof',
    ecosystem: 'pypi',
    name: artifact.name,
    version: artifact.version,
    proof: 'none',
    requires: [],
    targets: [],
    private: false,
    body: Buffer.from(sha256),
  };
}

/** An ecosystem whose publishers prove a file by writing its digest beside it. */
export const proofServer: EcosystemServer = {
  name: 'pypi',
  mount: 'pypi',
  commands: [],
  installCommand: () => '',
  respond: () => Promise.resolve({ kind: 'not-found', ecosystem: 'pypi', what: 'anything' }),
  settings: () => Promise.resolve({ env: {}, files: [], args: [] }),
  checkProof: async (entry, view) => {
    const document = view.entryByPath(entry.bundleId, `${entry.path}.proof`);
    if (document === undefined) return { proof: entry.proof, verdict: 'none', note: 'no proof' };
    const text = Buffer.from(await view.read(document, 100)).toString();
    const verdict = text === entry.sha256 ? 'holds' : 'broken';
    return { proof: entry.proof, verdict, note: 'the publisher' };
  },
};

/** What a machine holds, as the gateway sees it. */
export function heldView({ catalog, store }: Machine): HeldView {
  return {
    bundles: () => catalog.bundles(),
    entriesByName: (ecosystem, name) => catalog.entriesByName(ecosystem, name),
    entryByPath: (bundleId, path) => catalog.entryByPath(bundleId, path),
    entriesBySha256: (sha256) => catalog.entriesBySha256(sha256),
    names: (ecosystem) => catalog.names(ecosystem),
    read: (entry, maxBytes) => store.read(entry.sha256, maxBytes),
  };
}
