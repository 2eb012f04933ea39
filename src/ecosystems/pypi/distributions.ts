import { BOUNDS } from '../../domain/bounds.js';
import { sha256 } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { Upstream, UpstreamBody, UpstreamRequest } from '../../ports/upstream.js';
import {
  readTarSdist,
  readWheelMetadata,
  readZipSdist,
  type SdistFiles,
} from './archive-metadata.js';
import { parseCoreMetadata, type CoreMetadata } from './core-metadata.js';
import type { OfferedFile } from './indexes.js';
import { describeSdist } from './sdist-metadata.js';
import { viewOf, type RandomReader } from './zip.js';

/** A distribution's metadata, and what building it needs where it is an sdist. */
export interface Distribution {
  metadata: CoreMetadata;
  /** SHA-256 of METADATA's bytes; undefined for an sdist. */
  metadataSha256: string | undefined;
  buildRequires: readonly string[];
  /** Of an sdist whose dependencies another build might say otherwise: where they stand. */
  hearsay: string | undefined;
}

/** Reads what distributions say of themselves, each file once, without fetching it whole where that can be helped. */
export class Distributions {
  readonly #upstream: Upstream;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<string, Promise<Distribution>>();

  constructor(upstream: Upstream, signal: AbortSignal | undefined) {
    this.#upstream = upstream;
    this.#signal = signal;
  }

  /** @throws XError UPSTREAM_*, LIMIT_EXCEEDED, DIGEST_MISMATCH; NO_ARTIFACT for an sdist that must be built to be read. */
  describe(file: OfferedFile): Promise<Distribution> {
    let known = this.#known.get(file.url);
    if (known === undefined) {
      known = this.#load(file);
      this.#known.set(file.url, known);
      // Asked for ahead of time, its failure is met by whoever awaits it.
      known.catch(() => undefined);
    }
    return known;
  }

  async #load(file: OfferedFile): Promise<Distribution> {
    const { parsed } = file;
    if (parsed.kind === 'sdist') return this.#sdist(file);
    const beside = await this.#metadataBeside(file);
    const reader = (): Promise<RandomReader> => openReader(this.#upstream, file, this.#signal);
    const bytes = beside ?? (await readWheelMetadata(await reader(), parsed, file.url));
    const metadata = parseCoreMetadata(bytes, file.url);
    checkIdentity(metadata, file);
    return { metadata, metadataSha256: sha256(bytes), buildRequires: [], hearsay: undefined };
  }

  /** PEP 658; undefined where the index has none after all. */
  async #metadataBeside(file: OfferedFile): Promise<Uint8Array | undefined> {
    if (file.coreMetadata === undefined) return undefined;
    const url = `${file.url}.metadata`;
    try {
      const expected = file.coreMetadata.sha256;
      const isPublic = file.index?.isPublic;
      const { bytes } = await this.#upstream.read(
        { ecosystem: 'pypi', url, isPublic, sha256: expected, signal: this.#signal },
        BOUNDS.wheelMetadataBytes,
      );
      if (expected !== undefined && sha256(bytes) !== expected) {
        throw new XError('DIGEST_MISMATCH', `${url}: not the sha256 that the index names`, {
          hint: 'The index, or somebody between, has changed one of the two: do not use the file, name another index or version.',
        });
      }
      return bytes;
    } catch (thrown) {
      if (thrown instanceof XError && thrown.code === 'PACKAGE_NOT_FOUND') return undefined;
      throw thrown;
    }
  }

  async #sdist(file: OfferedFile): Promise<Distribution> {
    const { parsed, url, filename } = file;
    const described = describeSdist(
      await this.#sdistFiles(file),
      { ...parsed, kind: 'sdist' },
      url,
    );
    if (described === undefined) {
      throw new XError(
        'NO_ARTIFACT',
        `${filename} must be built before its dependencies are known`,
        {
          hint: 'Nothing from upstream is executed: build a wheel of it and name its folder with --find-links.',
        },
      );
    }
    checkIdentity(described.metadata, file);
    return { ...described, metadataSha256: undefined };
  }

  async #sdistFiles(file: OfferedFile): Promise<SdistFiles> {
    const { parsed, url, filename } = file;
    if (filename.endsWith('.zip')) {
      const reader = await openReader(this.#upstream, file, this.#signal);
      return readZipSdist(reader, { ...parsed, kind: 'sdist' }, url);
    }
    const body = await this.#upstream.open({ ...requestOf(file), signal: this.#signal });
    return readTarSdist(body.stream, { ...parsed, kind: 'sdist' }, url);
  }
}

function checkIdentity(metadata: CoreMetadata, { parsed, url }: OfferedFile): void {
  if (metadata.name === parsed.name && metadata.version.text === parsed.version.text) return;
  const says = `${metadata.name} ${metadata.version.text}`;
  throw new XError('UPSTREAM_MALFORMED', `${url}: its metadata is of ${says}`);
}

/** Read with the directory at a zip's end, because METADATA is mostly near it. */
const TAIL_BYTES = 128 << 10;

type Asked = Pick<OfferedFile, 'url'> & Partial<Pick<OfferedFile, 'digests' | 'index'>>;

/** What a public index names by its hash may come from anybody, where the index's host is silent. */
function requestOf({ url, digests, index }: Asked): UpstreamRequest {
  return { ecosystem: 'pypi', url, isPublic: index?.isPublic, sha256: digests?.sha256 };
}

/** Reads places of a remote file: one request for its end, one more for what stands elsewhere. */
export async function openReader(
  upstream: Upstream,
  file: Asked & Pick<OfferedFile, 'sizeBytes'>,
  signal: AbortSignal | undefined,
): Promise<RandomReader> {
  const openAt = (offset: number): Promise<UpstreamBody> =>
    upstream.open({ ...requestOf(file), offset, signal });
  const lengthBytes = file.sizeBytes ?? (await lengthOf(await openAt(0)));
  let tail: { start: number; bytes: Buffer } | undefined;
  const fetchRange = async (start: number, end: number): Promise<Buffer> => {
    if (start === end) return Buffer.alloc(0);
    return collectRange(await openAt(start), start, end);
  };
  return {
    lengthBytes,
    read: async (start, end) => {
      if (tail === undefined && end === lengthBytes) {
        const from = Math.min(start, Math.max(lengthBytes - TAIL_BYTES, 0));
        tail = { start: from, bytes: await fetchRange(from, lengthBytes) };
      }
      if (tail !== undefined && start >= tail.start) {
        return tail.bytes.subarray(start - tail.start, end - tail.start);
      }
      return fetchRange(start, end);
    },
  };
}

/** The length of a body whose bytes are not wanted; where the server hides it, they are counted. */
async function lengthOf(body: UpstreamBody): Promise<number> {
  if (body.lengthBytes !== undefined) {
    await body.stream[Symbol.asyncIterator]().return?.();
    return body.lengthBytes;
  }
  let counted = 0;
  for await (const chunk of body.stream) {
    counted += chunk.length;
    if (counted > BOUNDS.artifactBytes) {
      throw new XError('LIMIT_EXCEEDED', `${body.url}: more than ${BOUNDS.artifactBytes} bytes`);
    }
  }
  return counted;
}

async function collectRange(body: UpstreamBody, start: number, end: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let at = body.offset;
  for await (const chunk of body.stream) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, chunk.length);
    if (to - from === end - start) return viewOf(chunk.subarray(from, to));
    if (from < to) chunks.push(chunk.subarray(from, to));
    at += chunk.length;
    if (at >= end) break;
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length === end - start) return bytes;
  throw new XError('UPSTREAM_MALFORMED', `${body.url}: shorter than it was said to be`);
}
