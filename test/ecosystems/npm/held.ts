import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNpmServer } from '../../../src/ecosystems/npm/server.js';
import { createNpmSource, type NpmSourceOptions } from '../../../src/ecosystems/npm/source.js';
import { sha256, sha512 } from '../../../src/domain/digest.js';
import { XError } from '../../../src/domain/errors.js';
import type { EcosystemPlan } from '../../../src/domain/plan.js';
import { purlOfLine } from '../../../src/domain/purl.js';
import { formatTarget, parseTarget, type Target } from '../../../src/domain/target.js';
import type { BundleRecord, CatalogEntry } from '../../../src/ports/catalog.js';
import type {
  FetchedArtifact,
  HeldView,
  InputFile,
  NativeRequest,
  NativeResponse,
  Sealed,
} from '../../../src/ports/ecosystem.js';
import type { UpstreamFixture } from '../../../fixtures/upstream/fixture.js';

export const LINUX = parseTarget('linux/amd64/glibc2.36,node=24');

/** Several input files, found by name; the first is the one that is read. */
export function filesOf(files: Record<string, unknown>): {
  first: InputFile;
  readFile: (path: string) => Promise<InputFile>;
} {
  const texts = Object.entries(files).map(([path, content]) => ({
    path,
    text: typeof content === 'string' ? content : JSON.stringify(content, null, 2),
  }));
  const first = texts[0];
  assert.ok(first);
  return {
    first,
    readFile: (path) => {
      const found = texts.find((file) => file.path === path);
      return found === undefined
        ? Promise.reject(new XError('INPUT_NOT_FOUND', `${path}: no such file`))
        : Promise.resolve(found);
    },
  };
}

export interface PlanInput {
  files?: Record<string, unknown>;
  purls?: string[];
  targets?: Target[];
  notNewerThan?: Date;
}

export async function planOf(options: NpmSourceOptions, input: PlanInput): Promise<EcosystemPlan> {
  const source = createNpmSource(options);
  const requirements = [];
  if (input.files !== undefined) {
    const { first, readFile } = filesOf(input.files);
    assert.ok(source.claims(first), first.path);
    requirements.push((await source.read(first, readFile)).requirements);
  }
  const purls = (input.purls ?? []).map((text, index) => {
    const line = purlOfLine(text, 'wanted.txt', index + 1);
    assert.ok(line, text);
    return line;
  });
  return source.plan({
    requirements,
    purls,
    targets: input.targets ?? [LINUX],
    now: new Date('2026-06-01T00:00:00Z'),
    notNewerThan: input.notNewerThan,
    report: () => undefined,
  });
}

/** Bytes by sha256, in the form that seal reads. */
export class MemoryBytes {
  readonly blobs = new Map<string, Uint8Array>();

  add(bytes: Uint8Array): string {
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  async *open(digest: string): AsyncGenerator<Uint8Array> {
    const bytes = await this.read(digest);
    // Odd portions, so that no reader relies on whole files or whole blocks.
    for (let at = 0; at < bytes.length; at += 7001) yield bytes.subarray(at, at + 7001);
  }

  read(digest: string): Promise<Uint8Array> {
    const bytes = this.blobs.get(digest);
    assert.ok(bytes, digest);
    return Promise.resolve(bytes);
  }

  stat(): undefined {
    return undefined;
  }
}

/** Takes every artifact of a plan from a fixture mounted at `mount`. */
export async function fetchAll(
  plan: EcosystemPlan,
  fixture: UpstreamFixture,
  mount: string,
  bytes: MemoryBytes,
): Promise<FetchedArtifact[]> {
  const fetched: FetchedArtifact[] = [];
  for (const artifact of plan.artifacts) {
    assert.ok(artifact.url.startsWith(`${mount}/`), artifact.url);
    const answer = await fixture.handle(artifact.url.slice(mount.length), {}, mount);
    assert.equal(answer.status, 200, artifact.url);
    fetched.push(fetchedOf(artifact, Buffer.from(answer.body), bytes));
  }
  return fetched;
}

export function fetchedOf(
  artifact: FetchedArtifact['artifact'],
  body: Uint8Array,
  bytes: MemoryBytes,
): FetchedArtifact {
  const digest = bytes.add(body);
  return { artifact, sha256: digest, sha512: sha512(body), lengthBytes: body.length };
}

export function sealOf(
  options: NpmSourceOptions,
  artifacts: FetchedArtifact[],
  bytes: MemoryBytes,
  targets = [LINUX],
): Promise<Sealed> {
  return createNpmSource(options).seal({
    bundle: 'demo',
    artifacts,
    targets,
    store: bytes,
    now: new Date('2026-06-01T00:00:00Z'),
    report: () => undefined,
  });
}

/** The entries that a bundle made of these would sign. */
export function entriesOf(
  bundle: string,
  artifacts: FetchedArtifact[],
  sealed: Sealed,
  bytes: MemoryBytes,
): CatalogEntry[] {
  const common = { bundleId: `${bundle}@did`, bundleName: bundle, pieceRoot: '0'.repeat(64) };
  const packages = artifacts.map(({ artifact, sha256: digest, sha512: long, lengthBytes }) => ({
    ...common,
    path: artifact.path,
    lengthBytes,
    sha256: digest,
    sha512: long,
    kind: 'package' as const,
    ecosystem: 'npm' as const,
    name: artifact.name,
    version: artifact.version,
    purl: artifact.purl,
    proof: sealed.proofs.get(artifact.path)?.proof ?? ('none' as const),
    requires: artifact.requires,
    targets: artifact.targets,
    private: artifact.private,
    detail: { ...artifact.detail, ...sealed.details.get(artifact.path) },
  }));
  const documents = sealed.documents.map((document) => {
    assert.ok(document.body instanceof Uint8Array);
    const { body, ...rest } = document;
    return { ...common, ...rest, lengthBytes: body.length, sha256: bytes.add(body) };
  });
  return [...packages, ...documents];
}

/** What a gateway over these bundles' entries would see. */
export function viewOf(entries: CatalogEntry[], bytes: MemoryBytes): HeldView {
  const ids = [...new Set(entries.map(({ bundleId }) => bundleId))];
  return {
    bundles: () => ids.map((id) => ({ id, source: `did:of:${id}` }) as BundleRecord),
    entriesByName: (ecosystem, name) =>
      entries.filter((entry) => entry.ecosystem === ecosystem && entry.name === name),
    entryByPath: (id, path) =>
      entries.find((entry) => entry.bundleId === id && entry.path === path),
    entriesBySha256: (digest) => entries.filter((entry) => entry.sha256 === digest),
    names: () => [...new Set(entries.map(({ name }) => name ?? ''))].sort(),
    read: (entry) => bytes.read(entry.sha256),
  };
}

/** Plan, fetch and seal in one go. */
export async function bundleOf(
  options: NpmSourceOptions,
  input: PlanInput,
  fixture: UpstreamFixture,
  mount: string,
): Promise<{ plan: EcosystemPlan; entries: CatalogEntry[]; view: HeldView; bytes: MemoryBytes }> {
  const bytes = new MemoryBytes();
  const plan = await planOf(options, input);
  const fetched = await fetchAll(plan, fixture, mount, bytes);
  const sealed = await sealOf(options, fetched, bytes, input.targets);
  const entries = entriesOf('demo', fetched, sealed, bytes);
  return { plan, entries, view: viewOf(entries, bytes), bytes };
}

export function ask(
  view: HeldView,
  path: string,
  more: Partial<NativeRequest> = {},
): Promise<NativeResponse> {
  return createNpmServer().respond(
    {
      method: 'GET',
      path,
      query: new URLSearchParams(),
      headers: {},
      baseUrl: 'http://gateway:8470',
      ...more,
    },
    view,
  );
}

/** The smallest gateway: npm's server behind http, on a free port of the loopback. */
export async function serveView(view: HeldView): Promise<{
  url: string;
  asked: string[];
  close: () => Promise<void>;
}> {
  const npm = createNpmServer();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://gateway');
    asked.push(`${request.method ?? ''} ${url.pathname}`);
    void npm
      .respond(
        {
          method: request.method as 'GET',
          path: decodeURIComponent(url.pathname).replace(/^\/npm\//, ''),
          query: url.searchParams,
          headers: request.headers as Record<string, string>,
          baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        },
        view,
      )
      .then(async (answer) => {
        if (answer.kind === 'not-found' || answer.kind === 'passed')
          return response.writeHead(404).end('{"error":"not held"}');
        const bytes = answer.kind === 'bytes' ? answer.bytes : await view.read(answer.entry, 1e9);
        const status = answer.kind === 'bytes' ? answer.status : 200;
        return response.writeHead(status, answer.headers).end(bytes);
      })
      .catch((thrown: unknown) => response.writeHead(500).end(String(thrown)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** `name@version` of every artifact, sorted. */
export function chosen(plan: EcosystemPlan, target?: Target): string[] {
  const id = target === undefined ? undefined : formatTarget(target);
  return plan.artifacts
    .filter((artifact) => id === undefined || artifact.targets.includes(id))
    .map(({ name, version }) => `${name}@${version}`)
    .sort();
}
