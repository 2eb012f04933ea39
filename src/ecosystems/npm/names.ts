import { formatPurl, type Purl } from '../../domain/purl.js';

/** npm's limit, scope included. */
const MAX_NAME_LENGTH = 214;

/**
 * Whether a package can have this name; old names may have capital letters.
 * @see https://github.com/npm/validate-npm-package-name
 */
export function isPackageName(name: string): boolean {
  return (
    name.length <= MAX_NAME_LENGTH &&
    /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i.test(name) &&
    name !== 'node_modules'
  );
}

/** Whether a string is an exact version as npm publishes it (semver 2.0.0), safe in a file's name. */
export function isVersion(version: string): boolean {
  return (
    version.length <= 256 &&
    /^\d{1,16}\.\d{1,16}\.\d{1,16}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/.test(version)
  );
}

/** `name-1.2.3.tgz`; a scope is no part of it. */
export function tarballFile(name: string, version: string): string {
  return `${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
}

export function tarballPath(name: string, version: string): string {
  return `npm/${name}/${tarballFile(name, version)}`;
}

export function packumentPath(name: string): string {
  return `npm/${name}/packument.json`;
}

/**
 * `pkg:npm/%40scope/name@1.2.3`; with where it came from, where that is no registry.
 * @see https://github.com/package-url/purl-spec (vcs_url, download_url)
 */
export function npmPurl(
  name: string,
  version: string,
  from?: { kind: 'git' | 'remote'; address: string },
): string {
  const slash = name.indexOf('/');
  const key = from?.kind === 'git' ? 'vcs_url' : 'download_url';
  return formatPurl({
    type: 'npm',
    namespace: slash < 0 ? undefined : name.slice(0, slash),
    name: name.slice(slash + 1),
    version,
    ...(from === undefined ? {} : { qualifiers: { [key]: from.address } }),
  });
}

/** The package that a purl names: `@scope/name`, or `name`. */
export function nameOfPurl(purl: Purl): string {
  if (purl.namespace === undefined) return purl.name;
  const scope = purl.namespace.startsWith('@') ? purl.namespace : `@${purl.namespace}`;
  return `${scope}/${purl.name}`;
}
