import assert from 'node:assert/strict';
import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import type { Sha256 } from '../../domain/digest.js';
import { LICENCE_FIELD } from '../../domain/licence.js';
import type { JsonObject } from '../../domain/plan.js';
import type { AptHost } from '../../ports/apt.js';
import type { FetchedArtifact, SealRequest, Sealed } from '../../ports/ecosystem.js';
import type { Store } from '../../ports/store.js';
import { readAptSettings, sourcesFor, type AptOverrides } from './apt/settings.js';
import { nameSuites, type NamedSource } from './apt/suite-ids.js';
import { checkControl } from './control.js';
import { proveClosure, type HeldPackage } from './closure.js';
import { readControl } from './deb.js';
import { licenceOfDeb } from './licence.js';
import { verifySigned } from './openpgp.js';
import { parseRelease, type Release } from './release.js';
import { proofDocuments, repositoryDocuments, type SealedSuite } from './repository.js';
import { findListed } from './index-loader.js';
import { keyringsFor } from './suite-loader.js';
import type { TargetPlan } from './plan.js';
import type { RepositorySigner } from './repository-key.js';

export interface SealContext {
  signer: RepositorySigner;
  apt: AptHost;
  overrides: AptOverrides;
  /** The plans that the artifacts come from, by target id. */
  planned: ReadonlyMap<string, TargetPlan>;
}

/**
 * Proves what is held, and writes the repositories: every .deb against Packages, that against the
 * signed Release, the control inside every .deb against its stanza, and the closure of every target
 * over those controls.
 * @throws XError SIGNATURE_INVALID, DIGEST_MISMATCH, METADATA_INVALID, NOT_RESOLVABLE.
 */
export async function seal(request: SealRequest, context: SealContext): Promise<Sealed> {
  const { artifacts, store, now, report, bundle } = request;
  if (artifacts.length === 0) {
    return { documents: [], proofs: new Map(), details: new Map(), warnings: [] };
  }
  report({ event: 'step', text: `Checking Debian packages: ${artifacts.length}` });
  const suites = await proveSuites(request, context);
  const held: HeldPackage[] = [];
  const details = new Map<string, JsonObject>();
  for (const { stanzas } of suites) {
    for (const { artifact, sha256, stanza } of stanzas) {
      const { sizeBytes = 0, filename, path } = artifact;
      const licence = await licenceOfDeb(store.open(sha256), sizeBytes, filename);
      if (licence !== undefined) details.set(path, { [LICENCE_FIELD]: licence });
      const text = await readControl(store.open(sha256), artifact.filename);
      held.push({ artifact, version: checkControl(text, stanza, artifact.filename) });
    }
  }
  for (const [targetId, plan] of context.planned) {
    const here = held.filter(({ artifact }) => artifact.targets.includes(targetId));
    if (here.length > 0) proveClosure(here, plan);
  }
  const documents = [
    ...(await repositoryDocuments(suites, bundle, context.signer, now)),
    ...suites.flatMap(proofDocuments),
  ];
  const proofs: Sealed['proofs'] = new Map();
  for (const { stanzas, fingerprint, suiteId } of suites) {
    for (const { artifact } of stanzas) {
      proofs.set(artifact.path, {
        proof: 'debian-release',
        note: `${suiteId}, signed by ${fingerprint}`,
      });
    }
  }
  return { documents, proofs, details, warnings: [] };
}

/** The chain from every .deb up to the archive's signature, walked anew over bytes that the store holds. */
async function proveSuites(
  { artifacts, store, now }: SealRequest,
  { apt, overrides, planned }: SealContext,
): Promise<SealedSuite[]> {
  const settings = readAptSettings(apt, overrides);
  const sources = new Map<string, NamedSource>();
  for (const { world } of planned.values()) {
    for (const source of nameSuites(sourcesFor(settings, overrides, world.target))) {
      sources.set(source.suiteId, source);
    }
  }
  const bySuite = Map.groupBy(artifacts, ({ artifact }) => text(artifact.detail['suite']));
  const suites: SealedSuite[] = [];
  for (const [suiteId, fetched] of [...bySuite].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const source = sources.get(suiteId);
    assert(source !== undefined, 'a seal follows its plan in one process');
    const detail = fetched[0]?.artifact.detail ?? {};
    const signed = {
      sha256: text(detail['releaseSha256']),
      signatureSha256:
        typeof detail['releaseSignatureSha256'] === 'string'
          ? detail['releaseSignatureSha256']
          : undefined,
    };
    const { release, fingerprint } = await verifyHeldRelease(store, apt, source, signed, now);
    const stanzas = await findStanzas(store, suiteId, release, fetched);
    suites.push({ suiteId, release, fingerprint, ...signed, stanzas });
  }
  return suites;
}

async function verifyHeldRelease(
  store: Pick<Store, 'read'>,
  apt: AptHost,
  source: NamedSource,
  { sha256, signatureSha256 }: { sha256: Sha256; signatureSha256: Sha256 | undefined },
  now: Date,
): Promise<{ release: Release; fingerprint: string }> {
  const keyrings = await keyringsFor(apt, source);
  const where = `the Release file of ${source.suiteId}`;
  const bytes = await store.read(sha256, BOUNDS.releaseFileBytes);
  // Freshness was judged by the plan; this is about who signed.
  const date = new Date(Math.max(now.getTime(), Date.UTC(2100, 0, 1)));
  const signature =
    signatureSha256 === undefined
      ? undefined
      : await store.read(signatureSha256, BOUNDS.releaseFileBytes);
  const verified = await verifySigned({ bytes, signature }, keyrings, date, where);
  return { release: parseRelease(verified.text, where), fingerprint: verified.fingerprint };
}

/** The stanza of every held .deb, by its digest, in the index that the Release file names. */
async function findStanzas(
  store: Pick<Store, 'open'>,
  suiteId: string,
  release: Release,
  fetched: readonly FetchedArtifact[],
): Promise<SealedSuite['stanzas']> {
  const stanzas: SealedSuite['stanzas'] = [];
  const byIndex = Map.groupBy(fetched, ({ artifact }) => text(artifact.detail['index']));
  for (const [path, wanted] of [...byIndex].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const indexSha256 = text(wanted[0]?.artifact.detail['indexSha256']);
    if (release.files.get(path)?.sha256 !== indexSha256) {
      throw new XError('DIGEST_MISMATCH', `${suiteId}: the Release file names another ${path}`);
    }
    const digests = new Set(wanted.map(({ sha256 }) => sha256));
    const byDigest = await findListed(store, { path, sha256: indexSha256 }, suiteId, digests);
    for (const { artifact, sha256, lengthBytes } of wanted) {
      const stanza = byDigest.get(sha256);
      if (stanza === undefined || Number(stanza.field('Size')) !== lengthBytes) {
        throw new XError(
          'DIGEST_MISMATCH',
          `${artifact.filename} is not what ${suiteId}/${path} lists`,
          {
            hint: 'Fetch it again; if it stays so, the mirror serves a wrong file.',
          },
        );
      }
      stanzas.push({ artifact, sha256, stanza });
    }
  }
  return stanzas;
}

function text(value: unknown): string {
  assert(typeof value === 'string', 'the plan wrote this detail');
  return value;
}
