import { createHash } from 'node:crypto';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import type { BundleEntry } from '../domain/bundle.js';
import { licenceOf } from '../domain/licence.js';
import type { BundleContents } from './bundle-contents.js';
import { isSpdxExpression } from './sbom-licence.js';

/**
 * A bundle as a CycloneDX 1.6 bill of materials in JSON: one component a file, referred to by its
 * path, the bundle itself the subject. The same bundle gives the same bytes.
 * @see https://cyclonedx.org/docs/1.6/json/
 */
export function cycloneDxOf(contents: BundleContents, toolVersion: string): string {
  const { bundle, version, source, digest, signedAt } = contents;
  const packages = contents.entries.filter(({ kind }) => kind === 'package');
  const subject = new Models.Component(Enums.ComponentType.Application, bundle, {
    bomRef: `bundle:${bundle}`,
    version: String(version),
    properties: propertiesOf({ 'x:source': source, 'x:manifest-sha256': digest }),
  });
  const components = new Map(packages.map((entry) => [entry.path, componentOf(entry)]));
  const byPurl = Map.groupBy(packages, ({ purl }) => purl ?? '');
  for (const { path, requires } of packages) {
    const component = components.get(path);
    for (const purl of requires) {
      for (const needed of byPurl.get(purl) ?? []) {
        const one = components.get(needed.path);
        if (one !== undefined) component?.dependencies.add(one.bomRef);
      }
    }
  }
  for (const component of components.values()) subject.dependencies.add(component.bomRef);
  const tool = new Models.Tool({ name: 'x', version: toolVersion });
  const bom = new Models.Bom({
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    metadata: new Models.Metadata({
      timestamp: new Date(signedAt),
      component: subject,
      tools: new Models.Tools({ tools: new Models.ToolRepository([tool]) }),
    }),
    components: new Models.ComponentRepository(components.values()),
  });
  const normalizer = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const serializer = new Serialize.JsonSerializer(normalizer);
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** A UUID (RFC 9562, version 8) that is the same for the same set of files. */
export function uuidOf(digest: string): string {
  const bytes = createHash('sha256').update(`x sbom ${digest}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function componentOf(entry: BundleEntry): Models.Component {
  const { path, name = '', version, purl, sha256, sha512, proof, targets, lengthBytes } = entry;
  const scope = /^(@[^/]+)\/(.+)$/.exec(name);
  const hashes = new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], sha256]]);
  if (sha512 !== undefined) hashes.set(Enums.HashAlgorithm['SHA-512'], sha512);
  const licence = licenceOf(entry);
  return new Models.Component(Enums.ComponentType.Library, scope?.[2] ?? name, {
    bomRef: path,
    group: scope?.[1],
    version,
    purl,
    hashes,
    licenses: new Models.LicenseRepository(licence === undefined ? [] : [licenceModel(licence)]),
    properties: propertiesOf({
      'x:path': path,
      'x:size': String(lengthBytes),
      'x:proof': proof,
      'x:private': String(entry.private),
      'x:targets': targets.join(' '),
    }),
  });
}

function licenceModel(licence: string): Models.License {
  return isSpdxExpression(licence)
    ? new Models.LicenseExpression(licence)
    : new Models.NamedLicense(licence);
}

function propertiesOf(values: Record<string, string>): Models.PropertyRepository {
  const set = Object.entries(values).filter(([, value]) => value !== '');
  return new Models.PropertyRepository(
    set.map(([name, value]) => new Models.Property(name, value)),
  );
}
