import { gzipSync, constants } from 'node:zlib';
import { sha256, type Sha256 } from '../../domain/digest.js';
import type { JsonObject, PlannedArtifact } from '../../domain/plan.js';
import type { BundleDocument } from '../../ports/ecosystem.js';
import { parseTarget } from '../../domain/target.js';
import { stringsOf } from './plan.js';
import { SUITES_PATH } from './suite-summary.js';
import { compareVersions } from './version.js';
import type { PackageVersion } from './package-version.js';
import type { Release } from './release.js';
import type { RepositorySigner } from './repository-key.js';

/** A suite whose Release file, indexes and held packages are proved. */
export interface SealedSuite {
  suiteId: string;
  release: Release;
  /** Of the archive's key that signed it. */
  fingerprint: string;
  sha256: Sha256;
  signatureSha256: Sha256 | undefined;
  stanzas: { artifact: PlannedArtifact; sha256: Sha256; stanza: PackageVersion }[];
}

/** The Release fields that a pruned suite keeps. */
const KEPT_FIELDS = [
  ['origin', 'Origin'],
  ['label', 'Label'],
  ['suite', 'Suite'],
  ['version', 'Version'],
  ['codename', 'Codename'],
] as const;

/**
 * A pruned apt repository over what a bundle holds of each suite, signed anew, and the key that
 * signed it. The same upstream suite, stanzas and key make the same bytes, whenever it is done.
 */
export async function repositoryDocuments(
  suites: readonly SealedSuite[],
  bundle: string,
  signer: RepositorySigner,
  now: Date,
): Promise<BundleDocument[]> {
  const documents: BundleDocument[] = [];
  const summaries: JsonObject[] = [];
  for (const suite of suites) {
    const date = dateOf(suite.release, signer, now);
    const indexes = packagesFiles(suite);
    const text = releaseText(suite, indexes, date);
    const files = new Map(indexes.files).set('Release', Buffer.from(text));
    files.set('InRelease', Buffer.from(await signer.clearsign(text, date)));
    files.set('Release.gpg', Buffer.from(await signer.detach(text, date)));
    for (const [path, body] of files) {
      documents.push(document(`debian/dists/${suite.suiteId}/${path}`, 'index', body, suite));
    }
    const { components, architectures } = indexes;
    const releases = releasesOf(suite);
    summaries.push({
      suite: suite.suiteId,
      components,
      architectures,
      ...(releases.length > 0 ? { releases } : {}),
    });
  }
  const [first] = suites;
  if (first === undefined) return documents;
  const shared = sharedFields(suites.flatMap(({ stanzas }) => stanzas));
  const { fingerprint } = signer;
  const own = (path: string, body: Uint8Array): BundleDocument => ({
    ...document(path, 'index', body, first),
    ...shared,
    name: bundle,
    detail: { fingerprint },
  });
  documents.push(
    own(`debian/keyring/${bundle}.asc`, Buffer.from(signer.publicKeyArmored)),
    own(`debian/keyring/${bundle}.gpg`, signer.publicKeyBinary),
    own(
      SUITES_PATH,
      Buffer.from(`${JSON.stringify({ fingerprint, suites: summaries }, undefined, 1)}\n`),
    ),
  );
  return documents;
}

/** The releases whose targets a suite's packages are for. */
function releasesOf({ stanzas }: SealedSuite): string[] {
  const targets = stanzas.flatMap(({ artifact }) => artifact.targets);
  return [...new Set(targets.flatMap((target) => parseTarget(target).debian ?? []))].sort();
}

/**
 * The Date of a pruned suite, and of its signature: when the archive made the suite, so that nothing
 * changes where nothing changed there. Not before the key existed, for apt would refuse the signature,
 * nor after now, for apt refuses the future.
 */
function dateOf(release: Release, signer: RepositorySigner, now: Date): Date {
  const made = Math.max(release.date?.getTime() ?? 0, signer.createdAt.getTime());
  // A signature's time is in whole seconds.
  return new Date(Math.floor(Math.min(made, now.getTime()) / 1000) * 1000);
}

/** What the archive itself signed, untouched, for a client to check. */
export function proofDocuments(suite: SealedSuite): BundleDocument[] {
  const folder = `debian/proof/${suite.suiteId}`;
  const isDetached = suite.signatureSha256 !== undefined;
  const bodies = new Map([[isDetached ? 'Release' : 'InRelease', suite.sha256]]);
  if (suite.signatureSha256 !== undefined) bodies.set('Release.gpg', suite.signatureSha256);
  for (const { artifact } of suite.stanzas) {
    const { index, indexSha256 } = artifact.detail;
    if (typeof index === 'string' && typeof indexSha256 === 'string')
      bodies.set(index, indexSha256);
  }
  return [...bodies]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, digest]) => document(`${folder}/${path}`, 'proof', { sha256: digest }, suite));
}

interface PackagesFiles {
  files: Map<string, Uint8Array>;
  components: string[];
  architectures: string[];
}

function packagesFiles({ stanzas }: SealedSuite): PackagesFiles {
  const ordered = stanzas.toSorted(
    ({ stanza: a }, { stanza: b }) =>
      compareText(a.name, b.name) ||
      compareVersions(a.version, b.version) ||
      compareText(a.architecture, b.architecture),
  );
  const componentOf = (artifact: PlannedArtifact): string => String(artifact.detail['component']);
  const components = [...new Set(stanzas.map(({ artifact }) => componentOf(artifact)))].sort();
  const architectures = [
    ...new Set(stanzas.flatMap(({ artifact }) => stringsOf(artifact.detail['forArchitectures']))),
  ].sort();
  const files = new Map<string, Uint8Array>();
  for (const component of components) {
    for (const architecture of architectures) {
      const text = ordered
        .filter(
          ({ artifact }) =>
            componentOf(artifact) === component &&
            stringsOf(artifact.detail['forArchitectures']).includes(architecture),
        )
        // As archives do it: debootstrap does not see a last stanza that no empty line ends.
        .map(({ artifact, stanza }) => `${withFilename(stanza.stanza, artifact.path)}\n`)
        .join('');
      // Stanzas are bytes in a text's clothes, so they go back as they came.
      const body = Buffer.from(text, 'latin1');
      const path = `${component}/binary-${architecture}/Packages`;
      files.set(path, body);
      files.set(`${path}.gz`, gzip(body));
    }
  }
  return { files, components, architectures };
}

function withFilename(stanza: string, path: string): string {
  const filename = path.replace(/^debian\//, '');
  return `${stanza.replace(/^Filename:.*$/im, () => `Filename: ${filename}`).trimEnd()}\n`;
}

/** gzip with neither time nor system in its header. */
function gzip(body: Uint8Array): Uint8Array {
  const compressed = gzipSync(body, { level: constants.Z_BEST_COMPRESSION });
  compressed[GZIP_SYSTEM_OFFSET] = GZIP_UNKNOWN_SYSTEM;
  return compressed;
}

const GZIP_SYSTEM_OFFSET = 9;
const GZIP_UNKNOWN_SYSTEM = 255;

function releaseText(
  { release, suiteId }: SealedSuite,
  indexes: PackagesFiles,
  date: Date,
): string {
  const lines = KEPT_FIELDS.flatMap(([field, name]) => {
    const value = release.fields.get(field);
    return value === undefined ? [] : [`${name}: ${oneLine(value)}`];
  });
  if (release.suite === undefined && release.codename === undefined) {
    lines.push(`Codename: ${suiteId}`);
  }
  lines.push(`Date: ${date.toUTCString().replace('GMT', 'UTC')}`, 'Acquire-By-Hash: yes');
  for (const [field, name] of [
    ['notautomatic', 'NotAutomatic'],
    ['butautomaticupgrades', 'ButAutomaticUpgrades'],
  ] as const) {
    if (release.fields.get(field) === 'yes') lines.push(`${name}: yes`);
  }
  lines.push(
    'No-Support-for-Architecture-all: Packages',
    `Architectures: ${indexes.architectures.join(' ')}`,
    `Components: ${indexes.components.join(' ')}`,
    'Description: What a bundle holds of this suite',
    'SHA256:',
  );
  for (const [path, body] of [...indexes.files].sort(([a], [b]) => compareText(a, b))) {
    lines.push(` ${sha256(body)} ${body.length} ${path}`);
  }
  return `${lines.join('\n')}\n`;
}

function oneLine(value: string): string {
  return value.replace(/\s+/g, ' ');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function document(
  path: string,
  kind: 'index' | 'proof',
  body: BundleDocument['body'],
  suite: SealedSuite,
): BundleDocument {
  return {
    path,
    kind,
    body,
    ecosystem: 'debian',
    name: suite.suiteId,
    version: undefined,
    proof: kind === 'proof' ? 'debian-release' : 'none',
    requires: [],
    ...sharedFields(suite.stanzas),
  };
}

/** A repository is for every target that its packages are for, and private as soon as one of them is. */
function sharedFields(
  stanzas: readonly { artifact: PlannedArtifact }[],
): Pick<BundleDocument, 'targets' | 'private'> {
  return {
    targets: [...new Set(stanzas.flatMap(({ artifact }) => artifact.targets))].sort(),
    private: stanzas.some(({ artifact }) => artifact.private),
  };
}
