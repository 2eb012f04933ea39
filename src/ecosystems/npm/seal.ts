import { createHash } from 'node:crypto';
import PQueue from 'p-queue';
import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { LICENCE_FIELD } from '../../domain/licence.js';
import type { JsonObject, ProofKind } from '../../domain/plan.js';
import type {
  BundleDocument,
  FetchedArtifact,
  Sealed,
  SealRequest,
} from '../../ports/ecosystem.js';
import { advisoriesDocument, type AdvisoryFeed } from './advisories/document.js';
import { foreignAddress } from './foreign.js';
import { isObject, list, parseJsonFile, strings } from './json.js';
import { licenceOfPackage } from './licence.js';
import { packumentPath } from './names.js';
import { ofTarball, proveTarball, type Provers, type TarballProof } from './prove.js';
import { encodeDocument, makeDocument } from './packument.js';
import { proveClosure, type HeldPackage, type RootRequirements } from './second-walk.js';
import { readFromTarball } from './tarball.js';

/** What a seal needs beside the keys. */
export interface SealOptions {
  roots?: readonly RootRequirements[];
  advisories?: AdvisoryFeed | undefined;
}

/** As many tarballs are read at once; unpacking is processor work. */
const PARALLEL_READS = 4;

/** @throws XError DIGEST_MISMATCH, SIGNATURE_INVALID, NOT_RESOLVABLE, UPSTREAM_MALFORMED. */
export async function sealPackages(
  request: SealRequest,
  { roots = [], advisories, ...provers }: Provers & SealOptions,
): Promise<Sealed> {
  const artifacts = request.artifacts.filter(({ artifact }) => artifact.ecosystem === 'npm');
  request.report({ event: 'step', text: `Checking npm packages: ${artifacts.length}` });
  const asking = new PQueue({ concurrency: BOUNDS.parallelDownloads });
  const proved = await Promise.all(
    artifacts.map((fetched) => asking.add(() => proveTarball(fetched, provers))),
  );
  const proofs: Sealed['proofs'] = new Map(
    artifacts.map(({ artifact }, at) => [artifact.path, proofAt(proved, at)]),
  );
  const queue = new PQueue({ concurrency: PARALLEL_READS });
  const held = await Promise.all(
    artifacts.map((fetched) => queue.add(() => openPackage(fetched, request.store))),
  );
  const warnings = proveClosure(held, roots);
  const details = new Map<string, JsonObject>();
  artifacts.forEach(({ artifact }, at) => {
    const licence = licenceOfPackage(held[at]?.packageJson ?? {});
    if (licence !== undefined) details.set(artifact.path, { [LICENCE_FIELD]: licence });
  });
  return {
    documents: [
      ...documentsOf(artifacts, proofs),
      ...proved.flatMap(({ document }) => document ?? []),
      ...(advisories === undefined
        ? []
        : [
            advisoriesDocument(
              advisories,
              artifacts.map(({ artifact }) => artifact),
            ),
          ]),
    ],
    proofs,
    details,
    warnings: [...warnings, ...proved.flatMap(({ warning }) => warning ?? [])],
  };
}

function proofAt(proved: readonly TarballProof[], at: number): { proof: ProofKind; note?: string } {
  const { proof, note } = proved[at] ?? { proof: 'none', note: '' };
  return { proof, note };
}

/** @throws XError UPSTREAM_MALFORMED where a tarball is not the package that it stands for. */
async function openPackage(
  fetched: FetchedArtifact,
  store: SealRequest['store'],
): Promise<HeldPackage> {
  const { artifact } = fetched;
  const { purl, name, version } = artifact;
  const sha1 = createHash('sha1');
  const files = await readFromTarball(
    tee(store.open(fetched.sha256), sha1),
    ['package.json', 'npm-shrinkwrap.json'],
    purl,
  );
  const manifest = manifestOf(artifact.detail);
  const dist = isObject(manifest['dist']) ? manifest['dist'] : {};
  const shasum = sha1.digest('hex');
  if (typeof dist['shasum'] === 'string' && dist['shasum'] !== shasum) {
    throw new XError('DIGEST_MISMATCH', `${purl}: its sha1 is not what the registry says`);
  }
  const bytes = files['package.json'];
  if (bytes === undefined) {
    throw new XError('UPSTREAM_MALFORMED', `${purl}: the tarball holds no package.json`);
  }
  const packageJson = innerManifest(bytes, purl);
  const innerName = packageJson['name'];
  const innerVersion = packageJson['version'];
  const isForeign = foreignAddress(artifact.detail) !== undefined;
  // npm takes from an address whatever lies there.
  if (!isForeign && (innerName !== name || !sameVersion(innerVersion, version))) {
    const shown = JSON.stringify(`${String(innerName)}@${String(innerVersion)}`).slice(0, 300);
    throw new XError('UPSTREAM_MALFORMED', `${purl}: the tarball says it is ${shown}`, {
      hint: 'The registry offers another package under this name. Do not install it.',
    });
  }
  return {
    name,
    version,
    purl,
    packageJson: withRegistryBundles(packageJson, manifest),
    targets: artifact.targets,
    overrides: strings(artifact.detail['overrides']),
    installedAs: isForeign ? list(artifact.detail['installedAs']) : undefined,
  };
}

/** @throws XError UPSTREAM_MALFORMED. */
function innerManifest(bytes: Uint8Array, purl: string): JsonObject {
  try {
    const text = Buffer.from(bytes).toString('utf8');
    return parseJsonFile({ path: 'package.json', text });
  } catch (cause) {
    if (!(cause instanceof XError)) throw cause;
    throw new XError('UPSTREAM_MALFORMED', `${purl}: inside the tarball, ${cause.message}`, {
      cause,
    });
  }
}

/** Old packages write `v1.0.0` or `1.0` where the registry keeps the cleaned version. */
function sameVersion(inner: unknown, version: string): boolean {
  if (typeof inner !== 'string') return false;
  const bare = (text: string): string =>
    text
      .trim()
      .replace(/^[=v\s]+/, '')
      .replace(/\+.*$/, '');
  return bare(inner) === bare(version);
}

/** npm skips what the registry's manifest calls bundled, so that list counts too. */
function withRegistryBundles(packageJson: JsonObject, manifest: JsonObject): JsonObject {
  const bundled = packageJson['bundleDependencies'] ?? packageJson['bundledDependencies'];
  const published = manifest['bundleDependencies'];
  if (bundled === true || published === true) return { ...packageJson, bundleDependencies: true };
  return { ...packageJson, bundleDependencies: [...list(bundled), ...list(published)] };
}

async function* tee(
  source: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

/** One packument a name: held versions only. */
function documentsOf(
  artifacts: readonly FetchedArtifact[],
  proofs: Sealed['proofs'],
): BundleDocument[] {
  const published = artifacts.filter(
    ({ artifact }) => foreignAddress(artifact.detail) === undefined,
  );
  const byName = Map.groupBy(published, ({ artifact }) => artifact.name);
  return [...byName].map(([name, group]) => {
    const document = makeDocument(
      name,
      group.map(({ artifact, sha512 }) => ({
        version: artifact.version,
        manifest: manifestOf(artifact.detail),
        time: typeof artifact.detail['time'] === 'string' ? artifact.detail['time'] : undefined,
        tags: list(artifact.detail['tags']),
        sha512: ofTarball(sha512),
      })),
    );
    const body = encodeDocument(document);
    if (body.length > BOUNDS.documentBytes) {
      throw new XError('LIMIT_EXCEEDED', `npm: the packument of ${name} is ${body.length} bytes`);
    }
    return {
      kind: 'index' as const,
      path: packumentPath(name),
      ecosystem: 'npm' as const,
      name,
      version: undefined,
      proof: weakest(group.map(({ artifact }) => proofs.get(artifact.path)?.proof ?? 'none')),
      requires: [],
      targets: [...new Set(group.flatMap(({ artifact }) => artifact.targets))].sort(),
      private: group.some(({ artifact }) => artifact.private),
      detail: {},
      body,
    };
  });
}

/** An index is worth no more than the registry's word for it. */
function weakest(proofs: readonly ProofKind[]): ProofKind {
  return proofs.every((proof) => proof === 'none') ? 'none' : 'index-hash';
}

function manifestOf(detail: JsonObject): JsonObject {
  return isObject(detail['manifest']) ? detail['manifest'] : {};
}
