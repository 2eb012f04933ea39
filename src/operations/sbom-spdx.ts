import { sha256 } from '../domain/digest.js';
import type { BundleEntry } from '../domain/bundle.js';
import { licenceOf } from '../domain/licence.js';
import type { BundleContents } from './bundle-contents.js';
import { uuidOf } from './sbom-cyclonedx.js';
import { isSpdxExpression } from './sbom-licence.js';

const DOCUMENT = 'SPDXRef-DOCUMENT';
const BUNDLE = 'SPDXRef-Bundle';
const UNKNOWN = 'NOASSERTION';

interface Relationship {
  spdxElementId: string;
  relationshipType: 'DESCRIBES' | 'CONTAINS' | 'DEPENDS_ON';
  relatedSpdxElement: string;
}

/**
 * A bundle as an SPDX 2.3 document in JSON: one package a file, contained in the bundle. The same
 * bundle gives the same bytes.
 * @see https://spdx.github.io/spdx-spec/v2.3/
 */
export function spdxOf(contents: BundleContents, toolVersion: string): string {
  const { bundle, version, source, digest, signedAt } = contents;
  const packages = contents.entries.filter(({ kind }) => kind === 'package');
  const licences = new NamedLicences();
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: DOCUMENT,
    name: `${bundle}-${version}`,
    documentNamespace: `urn:uuid:${uuidOf(digest)}`,
    creationInfo: {
      created: signedAt,
      creators: [`Tool: x-${toolVersion}`],
      comment: `The time is that of the bundle's signature by ${source}.`,
    },
    packages: [
      {
        name: bundle,
        SPDXID: BUNDLE,
        versionInfo: String(version),
        ...commonFields,
        licenseDeclared: UNKNOWN,
        primaryPackagePurpose: 'ARCHIVE',
        comment: `Signed by ${source}; SHA-256 of the snapshot ${digest}.`,
      },
      ...packages.map((entry) => packageOf(entry, licences)),
    ],
    relationships: relationshipsOf(packages),
  };
  const extracted = licences.extracted();
  const whole =
    extracted.length === 0 ? document : { ...document, hasExtractedLicensingInfos: extracted };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

const commonFields = {
  downloadLocation: UNKNOWN,
  filesAnalyzed: false,
  licenseConcluded: UNKNOWN,
  copyrightText: UNKNOWN,
} as const;

function packageOf(entry: BundleEntry, licences: NamedLicences) {
  const { path, name = '', version, purl } = entry;
  const checksums = [{ algorithm: 'SHA256', checksumValue: entry.sha256 }];
  if (entry.sha512 !== undefined) {
    checksums.push({ algorithm: 'SHA512', checksumValue: entry.sha512 });
  }
  const reference = {
    referenceCategory: 'PACKAGE-MANAGER',
    referenceType: 'purl',
    referenceLocator: purl,
  };
  return {
    name,
    SPDXID: idOf(entry),
    ...(version === undefined ? {} : { versionInfo: version }),
    packageFileName: path.slice(path.lastIndexOf('/') + 1),
    ...commonFields,
    licenseDeclared: licences.declared(licenceOf(entry)),
    checksums,
    ...(purl === undefined ? {} : { externalRefs: [reference] }),
  };
}

function idOf({ path }: BundleEntry): string {
  return `SPDXRef-Package-${sha256(path).slice(0, 32)}`;
}

function relationshipsOf(packages: readonly BundleEntry[]): Relationship[] {
  const byPurl = Map.groupBy(packages, ({ purl }) => purl ?? '');
  const relate = (
    spdxElementId: string,
    relationshipType: Relationship['relationshipType'],
    relatedSpdxElement: string,
  ): Relationship => ({ spdxElementId, relationshipType, relatedSpdxElement });
  return [
    relate(DOCUMENT, 'DESCRIBES', BUNDLE),
    ...packages.map((entry) => relate(BUNDLE, 'CONTAINS', idOf(entry))),
    ...packages.flatMap((entry) =>
      entry.requires
        .flatMap((purl) => byPurl.get(purl) ?? [])
        .map((needed) => relate(idOf(entry), 'DEPENDS_ON', idOf(needed))),
    ),
  ];
}

/** Licences that are no SPDX expression, each under a reference of this document's. */
class NamedLicences {
  readonly #ids = new Map<string, string>();

  declared(licence: string | undefined): string {
    if (licence === undefined) return UNKNOWN;
    if (isSpdxExpression(licence)) return licence;
    const id = this.#ids.get(licence) ?? `LicenseRef-x-${sha256(licence).slice(0, 16)}`;
    this.#ids.set(licence, id);
    return id;
  }

  extracted() {
    return [...this.#ids].map(([name, licenseId]) => ({ licenseId, name, extractedText: name }));
  }
}
