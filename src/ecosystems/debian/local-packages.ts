import { dirname, isAbsolute, join } from 'node:path';
import { XError } from '../../domain/errors.js';
import { readControl } from './deb.js';
import { fieldOf, PackageVersion } from './package-version.js';
import { isVersion } from './version.js';
import type { DebianRequirement } from './requirements.js';
import type { ReleaseIndex } from './release-index.js';

/** Opens a file that the user names in a list. @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE. */
export type OpenFile = (path: string) => AsyncIterable<Uint8Array>;

/** A package that the user has as a file: its dependencies are wanted, it is there itself. */
export interface LocalPackage {
  requirement: DebianRequirement;
  version: PackageVersion;
}

/**
 * Reads the control files of the .deb files that lists name, relative to the list.
 * @throws XError METADATA_INVALID naming the file; as openFile.
 */
export async function readLocalPackages(
  requirements: readonly DebianRequirement[],
  openFile: OpenFile,
): Promise<LocalPackage[]> {
  const packages: LocalPackage[] = [];
  for (const asked of requirements) {
    if (asked.selector?.kind !== 'file') continue;
    const { path } = asked.selector;
    const list = asked.where.replace(/:[0-9]+$/, '');
    const file = isAbsolute(path) ? path : join(dirname(list), path);
    const text = (await readControl(openFile(file), file)).replaceAll('\r\n', '\n').trim();
    const version = versionOf(text, file);
    const architecture = version.architecture === 'all' ? undefined : version.architecture;
    const requirement: DebianRequirement = {
      ...asked,
      selector: undefined,
      name: version.name,
      architecture,
      op: '=',
      version: version.version,
    };
    packages.push({ requirement, version });
  }
  return packages;
}

function versionOf(control: string, file: string): PackageVersion {
  const [name = '', version = '', architecture = ''] = ['Package', 'Version', 'Architecture'].map(
    (field) => fieldOf(control, field) ?? '',
  );
  const isProper =
    /^[a-z0-9][a-z0-9.+-]+$/.test(name) && isVersion(version) && /^[a-z0-9-]+$/.test(architecture);
  if (!isProper) {
    throw new XError(
      'METADATA_INVALID',
      `${file}: its control file lacks a proper Package, Version or Architecture`,
    );
  }
  return new PackageVersion(name, version, architecture, control, LOCAL_INDEX);
}

/** Whether a version is a user's own file, which is not carried. */
export function isLocal(version: PackageVersion): boolean {
  return version.indexes[0] === LOCAL_INDEX;
}

const NO_DIGEST = '0'.repeat(64);

/** Where local packages stand as if they were from: a repository of the usual priority. */
const LOCAL_INDEX: ReleaseIndex = {
  release: {
    suiteId: 'a local file',
    baseUrl: 'file:///',
    origin: undefined,
    label: undefined,
    suite: undefined,
    codename: undefined,
    version: undefined,
    isNotAutomatic: false,
    isButAutomaticUpgrades: false,
    sha256: NO_DIGEST,
    signatureSha256: undefined,
    isPublic: false,
  },
  component: '',
  architecture: '',
  path: '',
  sha256: NO_DIGEST,
};
