import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../../domain/bounds.js';
import type { Digests } from '../../domain/digest.js';
import type { GatewayServer, NativeRequest, NativeResponse } from '../../ports/ecosystem.js';
import type { PassedArtifact, Prefetch } from '../../ports/passing.js';
import type { ListFolder, PypiSettings } from '../../ports/pypi-settings.js';
import type { Upstream } from '../../ports/upstream.js';
import { isProjectName, normalizeName, parseFilename } from './filename.js';
import { Indexes, type OfferedFile } from './indexes.js';
import { likelyFiles } from './likely-files.js';
import { pageOf } from './respond.js';
import { projectHtml, projectJson, type ServedFile } from './simple-pages.js';

export interface PypiPassThroughDeps {
  upstream: Upstream;
  settings: PypiSettings;
  listFolder: ListFolder;
  prefetch: Prefetch;
  warn: (message: string) => void;
  /** Told of an index that could not be asked, and when it was seen. */
  onLastSeen: (what: string, seenAt: Date) => Record<string, string>;
}

/** What the indexes say of a project. */
interface Project {
  name: string;
  files: PassedFile[];
  /** The oldest of the indexes that could not be asked now. */
  seenAt: Date | undefined;
}

interface PassedFile extends OfferedFile {
  isPrivate: boolean;
}

const METADATA = '.metadata';

/**
 * The simple API over the indexes that pip is configured with. Only files with a hash are listed: it is
 * what they are checked by. A file's address has that hash and its name, from which every gateway finds
 * where it is: none has to remember what another answered.
 */
export function createPypiPassThrough(deps: PypiPassThroughDeps): GatewayServer {
  const projects = new LRUCache<string, Project>({
    max: BOUNDS.gatewayIndexes,
    ttl: BOUNDS.gatewayIndexFreshMs,
    maxSize: BOUNDS.gatewayIndexBytes,
    sizeCalculation: ({ files }) => 1_000 + files.length * 1_000,
    fetchMethod: async (name) => {
      const project = await loadProject(deps, name);
      prefetchLikely(deps.prefetch, project);
      tellVersions(deps.prefetch, project);
      return project;
    },
  });
  return {
    name: 'pypi',
    mount: 'pypi',
    commands: ['pip'],
    howTo: (gateway) => {
      const host = new URL(gateway).hostname;
      const trusted = gateway.startsWith('https:') ? '' : ` --trusted-host ${host}`;
      return [`pip install --index-url ${gateway}/pypi/simple/${trusted} NAME`];
    },
    refresh: async (name) => {
      if (projects.has(name)) await projects.fetch(name, { forceRefresh: true });
    },
    respond: async (request) => {
      const [first, second = '', third = '', ...more] = request.path.replace(/\/+$/, '').split('/');
      if (more.length === 0 && first === 'simple' && second !== '' && third === '') {
        return projectPage(deps, projects, request, second);
      }
      if (more.length === 0 && first === 'files') {
        return fileOf(projects, request, second, third);
      }
      return notFound(request.path);
    },
  };
}

type Projects = LRUCache<string, Project>;

async function projectPage(
  deps: PypiPassThroughDeps,
  projects: Projects,
  request: NativeRequest,
  asked: string,
): Promise<NativeResponse> {
  const name = normalizeName(asked);
  const project = isProjectName(asked) ? await projects.fetch(name) : undefined;
  const files = (project?.files ?? []).filter((file) => mayHave(request, file)).map(servedFile);
  if (files.length === 0) return notFound(name);
  const page = pageOf(
    request,
    () => projectJson(name, files, request.baseUrl),
    () => projectHtml(name, files, request.baseUrl),
  );
  const seenAt = project?.seenAt;
  const age = seenAt === undefined ? {} : deps.onLastSeen(`the index page of ${name}`, seenAt);
  return { ...page, headers: { ...page.headers, ...age } };
}

async function fileOf(
  projects: Projects,
  request: NativeRequest,
  digest: string,
  filename: string,
): Promise<NativeResponse> {
  const isMetadata = filename.endsWith(METADATA);
  const wanted = isMetadata ? filename.slice(0, -METADATA.length) : filename;
  const name = parseFilename(wanted)?.name;
  const project = name === undefined ? undefined : await projects.fetch(name);
  const file = project?.files.find(
    ({ filename: own, digests }) =>
      own === wanted && (digests.sha256 === digest || digests.sha512 === digest),
  );
  if (file === undefined || !mayHave(request, file)) return notFound(filename);
  const artifact = isMetadata ? metadataOf(file) : artifactOf(file);
  if (artifact === undefined) return notFound(filename);
  const type = isMetadata ? 'text/plain; charset=utf-8' : 'application/octet-stream';
  return { kind: 'passed', headers: { 'content-type': type }, artifact };
}

/** Of the indexes whose address it begins with the longest tells. */
function isOfPublicIndex({ indexes }: PypiPassThroughDeps['settings'], url: string): boolean {
  const within = indexes.filter((index) => url.startsWith(index.url));
  const [nearest] = within.sort((a, b) => b.url.length - a.url.length);
  return nearest?.isPublic === true;
}

async function loadProject(deps: PypiPassThroughDeps, name: string): Promise<Project> {
  const { upstream, settings, listFolder, warn } = deps;
  let seenAt: Date | undefined;
  const indexes = new Indexes({
    upstream: {
      open: (request) => upstream.open(request),
      read: async (request, maxBytes) => {
        const lastSeenAfterMs = BOUNDS.gatewayIndexSilenceMs;
        const isPublic = isOfPublicIndex(settings, request.url);
        const page = await upstream.read({ ...request, lastSeenAfterMs, isPublic }, maxBytes);
        if (page.seenAt && (seenAt === undefined || page.seenAt < seenAt)) seenAt = page.seenAt;
        return page;
      },
    },
    settings,
    strategy: 'pinned',
    listFolder,
    warn: (message) => warn(message.replace('planned without it', 'answered without it')),
    signal: undefined,
  });
  const offered = await indexes.files(name);
  const failure = indexes.failure(name);
  if (offered.length === 0 && failure !== undefined) throw failure;
  const files = offered.filter(({ digests }) => hasDigest(digests));
  if (files.length < offered.length) {
    const number = `${offered.length - files.length} of ${offered.length} files of ${name}`;
    warn(`${number} have no hash in their index: nothing to check them by, so they are left out`);
  }
  const isPrivate = ({ index }: OfferedFile): boolean => index?.isPublic !== true;
  return { name, files: files.map((file) => ({ ...file, isPrivate: isPrivate(file) })), seenAt };
}

function hasDigest({ sha256, sha512 }: Digests): boolean {
  return sha256 !== undefined || sha512 !== undefined;
}

/** What is private is there for this machine and its neighbours alone. */
function mayHave({ isNear }: NativeRequest, { isPrivate }: PassedFile): boolean {
  return !isPrivate || isNear === true;
}

function prefetchLikely(prefetch: Prefetch, { name, files }: Project): void {
  const { metadata, artifacts } = likelyFiles(files);
  for (const artifact of artifacts) prefetch.named?.(artifactOf(artifact), name, []);
  for (const artifact of [...metadata.map(metadataOf), ...artifacts.map(artifactOf)]) {
    if (artifact !== undefined) prefetch.artifact(artifact);
  }
}

/** A version is taken back where each of its files is. */
function tellVersions(prefetch: Prefetch, { name, files, seenAt }: Project): void {
  if (seenAt !== undefined) return;
  const versions = new Map<string, boolean>();
  for (const { parsed, yanked, isPrivate } of files) {
    if (isPrivate) continue;
    const { text } = parsed.version;
    versions.set(text, yanked !== undefined && versions.get(text) !== false);
  }
  if (versions.size > 0) prefetch.versions?.('pypi', name, versions);
}

function artifactOf(file: PassedFile): PassedArtifact {
  const { url, digests, sizeBytes, filename, isPrivate } = file;
  return { ecosystem: 'pypi', urls: [url], digests, sizeBytes, name: filename, isPrivate };
}

/** Undefined where the index does not say what its METADATA hashes to. */
function metadataOf(file: PassedFile): PassedArtifact | undefined {
  const sha256 = file.coreMetadata?.sha256;
  if (sha256 === undefined) return undefined;
  return {
    ecosystem: 'pypi',
    urls: [beside(file.url)],
    digests: { sha256 },
    sizeBytes: undefined,
    name: file.filename + METADATA,
    isPrivate: file.isPrivate,
  };
}

/** PEP 658: the name of the file, and this suffix. */
function beside(url: string): string {
  const address = new URL(url);
  address.pathname += METADATA;
  return address.href;
}

function servedFile(file: PassedFile): ServedFile {
  const { filename, parsed, digests, sizeBytes, coreMetadata, yanked, uploadTime } = file;
  return {
    filename,
    version: parsed.version.text,
    digests,
    sizeBytes,
    metadataSha256: coreMetadata?.sha256,
    hasProvenance: false,
    requiresPython: file.requiresPythonText,
    yanked,
    uploadTime,
  };
}

function notFound(what: string): NativeResponse {
  return { kind: 'not-found', ecosystem: 'pypi', what };
}
