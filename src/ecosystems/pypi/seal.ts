import PQueue from 'p-queue';
import { BOUNDS } from '../../domain/bounds.js';
import { sha256 } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import { LICENCE_FIELD } from '../../domain/licence.js';
import type { JsonObject, ProofKind } from '../../domain/plan.js';
import type {
  BundleDocument,
  FetchedArtifact,
  Sealed,
  SealRequest,
} from '../../ports/ecosystem.js';
import type { Store } from '../../ports/store.js';
import type { Upstream } from '../../ports/upstream.js';
import { formatTarget } from '../../domain/target.js';
import { readTarSdist, readWheelMetadata, readZipSdist } from './archive-metadata.js';
import { proveClosure, type HeldDistribution } from './closure.js';
import { parseCoreMetadata } from './core-metadata.js';
import { checkDemandedHashes } from './demanded-hashes.js';
import { describeSdist } from './sdist-metadata.js';
import { PAST_PYTHON } from './insisted-python.js';
import { licenceOfMetadata } from './licence.js';
import { parseFilename } from './filename.js';
import { proveArtifact } from './prove.js';
import { pythonTarget } from './python-target.js';
import { formatSpecifiers } from './specifier.js';
import type { RandomReader } from './zip.js';

type Blobs = Pick<Store, 'open' | 'read' | 'stat'>;

/** What the held bytes of one artifact say, and METADATA itself where it is a wheel. */
interface Examined {
  fetched: FetchedArtifact;
  held: Omit<HeldDistribution, 'asked' | 'isPastPython'>;
  metadataBytes: Uint8Array | undefined;
  licence: string | undefined;
}

/**
 * Reads every held distribution again, proves each target's closure over what they say, checks the
 * attestations of publishers, and adds METADATA beside each wheel (PEP 658).
 * @throws XError DIGEST_MISMATCH, SIGNATURE_INVALID, NOT_RESOLVABLE, UPSTREAM_MALFORMED, LIMIT_EXCEEDED.
 */
export async function sealPypi(
  request: SealRequest,
  upstream: Pick<Upstream, 'read'>,
): Promise<Sealed> {
  for (const fetched of request.artifacts) checkDemandedHashes(fetched);
  const examined: Examined[] = [];
  for (const fetched of request.artifacts) examined.push(await examine(fetched, request.store));
  for (const target of request.targets) {
    const id = formatTarget(target);
    const held = examined
      .filter(({ fetched }) => fetched.artifact.targets.includes(id))
      .map((one) => ({
        ...one.held,
        asked: askedFor(one.fetched, id),
        isPastPython: textsIn(one.fetched.artifact.detail[PAST_PYTHON]).includes(id),
      }));
    if (held.length > 0) proveClosure(held, pythonTarget(target));
  }
  const queue = new PQueue({ concurrency: BOUNDS.parallelDownloads });
  const proved = await Promise.all(
    request.artifacts.map((fetched) => queue.add(() => proveArtifact(fetched, upstream))),
  );
  const proofs = new Map<string, { proof: ProofKind; note?: string }>();
  request.artifacts.forEach(({ artifact }, at) => {
    const { proof, note } = proved[at] ?? { proof: 'none', note: undefined };
    proofs.set(artifact.path, { proof, ...(note === undefined ? {} : { note }) });
  });
  return {
    documents: [
      ...examined.flatMap(documentsOf),
      ...proved.flatMap(({ document }) => document ?? []),
    ],
    proofs,
    details: new Map(examined.map((one) => [one.fetched.artifact.path, detailOf(one)])),
    warnings: proved.flatMap(({ warning }) => warning ?? []),
  };
}

function askedFor({ artifact }: FetchedArtifact, targetId: string): string[] {
  const asked = artifact.detail['asked'];
  const texts =
    typeof asked === 'object' && asked !== null && !Array.isArray(asked)
      ? asked[targetId]
      : undefined;
  return textsIn(texts);
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

async function examine(fetched: FetchedArtifact, store: Blobs): Promise<Examined> {
  const { artifact } = fetched;
  const { filename } = artifact;
  const parsed = parseFilename(filename);
  if (parsed === undefined)
    throw new XError('UPSTREAM_MALFORMED', `${filename} is no distribution`);
  const reader = readerOf(fetched, store);
  if (parsed.kind === 'sdist') {
    const files = filename.endsWith('.zip')
      ? await readZipSdist(reader, parsed, filename)
      : await readTarSdist(store.open(fetched.sha256), parsed, filename);
    const described = describeSdist(files, parsed, filename);
    if (described === undefined) {
      throw new XError('UPSTREAM_MALFORMED', `${filename}: its dependencies stand nowhere in it`);
    }
    const { metadata, buildRequires } = described;
    const licence = files.pkgInfo && licenceOfMetadata(files.pkgInfo, filename);
    const held = { filename, metadata, buildRequires };
    return { fetched, held, metadataBytes: undefined, licence };
  }
  const metadataBytes = await readWheelMetadata(reader, parsed, filename);
  const planned = artifact.detail['core-metadata'];
  if (typeof planned === 'string' && planned !== sha256(metadataBytes)) {
    throw new XError('DIGEST_MISMATCH', `${filename}: its METADATA is not what its index showed`, {
      hint: 'The index answered with metadata of another file. Do not use it.',
    });
  }
  const metadata = parseCoreMetadata(metadataBytes, filename);
  const licence = licenceOfMetadata(metadataBytes, filename);
  return { fetched, held: { filename, metadata, buildRequires: [] }, metadataBytes, licence };
}

function readerOf({ sha256: blob, lengthBytes }: FetchedArtifact, store: Blobs): RandomReader {
  return {
    lengthBytes,
    read: async (start, end) => {
      if (end - start > BOUNDS.wheelDirectoryBytes) {
        throw new XError('LIMIT_EXCEEDED', `a read of ${end - start} bytes`);
      }
      const chunks: Uint8Array[] = [];
      if (end > start)
        for await (const chunk of store.open(blob, { start, end })) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}

function documentsOf({ fetched: { artifact }, metadataBytes }: Examined): BundleDocument[] {
  if (metadataBytes === undefined) return [];
  return [
    {
      kind: 'index',
      path: `${artifact.path}.metadata`,
      ecosystem: 'pypi',
      name: artifact.name,
      version: artifact.version,
      proof: 'none',
      requires: [],
      targets: artifact.targets,
      private: artifact.private,
      body: metadataBytes,
    },
  ];
}

function detailOf({ held, metadataBytes, licence }: Examined): JsonObject {
  const detail: JsonObject = licence === undefined ? {} : { [LICENCE_FIELD]: licence };
  if (metadataBytes !== undefined) detail['core-metadata'] = sha256(metadataBytes);
  const { requiresPython } = held.metadata;
  if (requiresPython !== undefined) detail['requires-python'] = formatSpecifiers(requiresPython);
  return detail;
}
