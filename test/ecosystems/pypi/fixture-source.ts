import { createHash } from 'node:crypto';
import type { BundleEntry } from '../../../src/domain/bundle.js';
import { sha256, sha512 } from '../../../src/domain/digest.js';
import type { XError } from '../../../src/domain/errors.js';
import type { EcosystemPlan } from '../../../src/domain/plan.js';
import { parseTarget } from '../../../src/domain/target.js';
import { createPypiSource } from '../../../src/ecosystems/pypi/source.js';
import type { PypiChoices } from '../../../src/ecosystems/pypi/choices.js';
import type { PypiRequirements } from '../../../src/ecosystems/pypi/input.js';
import type { CatalogEntry } from '../../../src/ports/catalog.js';
import type {
  EcosystemSource,
  FetchedArtifact,
  HeldView,
  SealRequest,
} from '../../../src/ports/ecosystem.js';
import type { PypiSettings } from '../../../src/ports/pypi-settings.js';
import type { Upstream, UpstreamBody } from '../../../src/ports/upstream.js';
import { XError as XErrorClass } from '../../../src/domain/errors.js';
import { buildPypiFixture, type PypiFixture } from '../../../fixtures/upstream/pypi.js';

export const INDEX = 'https://index.test/simple';
export const TARGET = 'linux/amd64/glibc2.36,python=3.11.7';

const NONE = { all: false, names: new Set<string>() };

export const SETTINGS: PypiSettings = {
  indexes: [{ url: INDEX, isPinned: false, isPublic: true }],
  findLinks: [],
  noIndex: false,
  onlyBinary: NONE,
  noBinary: NONE,
  preReleases: false,
  preferBinary: false,
  requireHashes: false,
  constraints: [],
};

/** The made-up index behind the Upstream port, in memory. Ranges are answered; `asked` logs addresses. */
export function fixtureUpstream(fixture: PypiFixture, asked: string[] = []): Upstream {
  const open = async (request: {
    url: string;
    offset?: number;
    accept?: string;
  }): Promise<UpstreamBody> => {
    asked.push(request.url);
    const { pathname, origin, host } = new URL(request.url);
    if (host.startsWith('down.')) throw new XErrorClass('UPSTREAM_UNREACHABLE', `${host} is down`);
    if (host.startsWith('closed.')) throw new XErrorClass('UPSTREAM_REFUSED', `${host}: 403`);
    const headers = request.accept === undefined ? {} : { accept: request.accept };
    const answer = await fixture.handle(decodeURIComponent(pathname), headers, origin);
    if (answer.status === 404) throw new XErrorClass('PACKAGE_NOT_FOUND', `${request.url}: 404`);
    const bytes = Buffer.from(answer.body);
    const offset = request.offset ?? 0;
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(bytes.subarray(offset));
    }
    return {
      url: request.url,
      lengthBytes: bytes.length,
      offset,
      contentType: answer.headers['content-type'],
      etag: undefined,
      stream: stream(),
    };
  };
  return {
    open,
    read: async (request) => {
      const body = await open(request);
      const chunks: Uint8Array[] = [];
      for await (const chunk of body.stream) chunks.push(chunk);
      return { url: body.url, bytes: Buffer.concat(chunks), contentType: body.contentType };
    },
  };
}

function hasLogin(logins: ReadonlySet<string>, url: string): boolean {
  return [...logins].some((login) => new URL(login).origin === new URL(url).origin);
}

export function fixtureSource(
  settings: Partial<PypiSettings> = {},
  fixture: PypiFixture = buildPypiFixture(),
  asked: string[] = [],
  logins = new Set<string>(),
  choices: Partial<PypiChoices> = {},
  hasNoFolders = false,
): EcosystemSource<PypiRequirements> {
  const absent = (folder: string): Promise<string[]> =>
    Promise.reject(new XErrorClass('INPUT_NOT_FOUND', `find-links ${folder}: there is none`));
  return createPypiSource({
    upstream: fixtureUpstream(fixture, asked),
    settings: { ...SETTINGS, ...settings },
    listFolder: hasNoFolders ? absent : () => Promise.resolve([]),
    credentials: {
      remember: (address) => logins.add(address),
      addIndex: (url) => hasLogin(logins, url),
    },
    choices,
    env: { TOKEN: 'x-alpha', USER: 'u', PASSWORD: 'p%40ss' },
  });
}

export async function planOf(
  source: EcosystemSource<PypiRequirements>,
  text: string,
  targets: readonly string[] = [TARGET],
  more: { path?: string; notNewerThan?: Date } = {},
): Promise<EcosystemPlan> {
  const file = { path: more.path ?? 'requirements.txt', text };
  const read = await source.read(file, (path) => Promise.reject(new Error(`no ${path}`)));
  return source.plan({
    requirements: [read.requirements],
    purls: read.purls,
    targets: targets.map(parseTarget),
    now: new Date(0),
    notNewerThan: more.notNewerThan,
    report: () => undefined,
  });
}

/** The error a plan ends with. */
export async function failureOf(promise: Promise<unknown>): Promise<XError> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof XErrorClass) return thrown;
    throw thrown;
  }
  throw new Error('it did not fail');
}

/** Files by their names, as far as they are held. */
export interface HeldFiles {
  files: readonly { filename: string; bytes: Buffer; sha256: string }[];
}

/** What seal would be given once a plan's files are held. */
export function heldOf(
  plan: EcosystemPlan,
  fixture: HeldFiles,
  targets: readonly string[] = [TARGET],
): SealRequest {
  const blobs = new Map<string, Buffer>();
  const artifacts = plan.artifacts.map((artifact): FetchedArtifact => {
    const file = fixture.files.find(({ filename }) => filename === artifact.filename);
    if (file === undefined) throw new Error(`no ${artifact.filename}`);
    blobs.set(file.sha256, file.bytes);
    const lengthBytes = file.bytes.length;
    return { artifact, sha256: file.sha256, sha512: sha512(file.bytes), lengthBytes };
  });
  const bytesOf = (digest: string): Buffer => blobs.get(digest) ?? Buffer.alloc(0);
  return {
    bundle: 'test',
    artifacts,
    targets: targets.map(parseTarget),
    store: {
      open: async function* (digest, range) {
        yield await Promise.resolve(bytesOf(digest).subarray(range?.start ?? 0, range?.end));
      },
      read: (digest) => Promise.resolve(bytesOf(digest)),
      stat: () => undefined,
    },
    now: new Date(0),
    report: () => undefined,
  };
}

/** A signed bundle of a sealed plan, as a client's catalog would show it. */
export async function bundleOf(
  source: EcosystemSource<PypiRequirements>,
  plan: EcosystemPlan,
  fixture: HeldFiles,
  targets: readonly string[] = [TARGET],
): Promise<{ view: HeldView; bytes: Map<string, Uint8Array> }> {
  const request = heldOf(plan, fixture, targets);
  const sealed = await source.seal(request);
  const bytes = new Map<string, Uint8Array>();
  const entries: CatalogEntry[] = [];
  const add = (
    entry: Omit<BundleEntry, 'pieceRoot' | 'sha256' | 'lengthBytes'>,
    body: Uint8Array,
  ): void => {
    const digest = sha256(body);
    bytes.set(digest, body);
    const pieceRoot = createHash('sha256').digest('hex');
    entries.push({
      ...entry,
      sha256: digest,
      lengthBytes: body.length,
      pieceRoot,
      bundleId: 'b',
      bundleName: 'b',
    });
  };
  for (const { artifact, sha256: digest } of request.artifacts) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request.store.open(digest)) chunks.push(chunk);
    const { path, ecosystem, name, version, requires, targets, purl } = artifact;
    const proof = sealed.proofs.get(path)?.proof ?? 'none';
    const detail = { ...artifact.detail, ...sealed.details.get(path) };
    const base = { path, ecosystem, name, version, purl, requires, targets, proof, detail };
    add({ ...base, kind: 'package', private: artifact.private }, Buffer.concat(chunks));
  }
  for (const { body, ...document } of sealed.documents) {
    if (body instanceof Uint8Array) add(document, body);
  }
  const view: HeldView = {
    bundles: () => [],
    entriesByName: (_, name) => entries.filter((entry) => entry.name === name),
    entryByPath: (_, path) => entries.find((entry) => entry.path === path),
    entriesBySha256: (digest) => entries.filter((entry) => entry.sha256 === digest),
    names: () => [...new Set(entries.map((entry) => entry.name ?? ''))].sort(),
    read: (entry) => Promise.resolve(bytes.get(entry.sha256) ?? Buffer.alloc(0)),
  };
  return { view, bytes };
}
