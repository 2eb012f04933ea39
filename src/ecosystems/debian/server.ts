import type {
  EcosystemServer,
  HeldView,
  NativeRequest,
  NativeResponse,
} from '../../ports/ecosystem.js';
import type { BundleRecord, CatalogEntry } from '../../ports/catalog.js';
import { askedNames, neverCarried } from './asked-names.js';
import { aptConfiguration, aptSettings, APT_COMMANDS } from './client-settings.js';
import { machineRelease } from './machine-release.js';
import { ProofChecker } from './proof-checker.js';

export interface DebianServerOptions {
  /** Keyrings that releases may be checked against, beside those of this machine's apt. */
  keyrings?: readonly string[] | undefined;
  /** Folders with this machine's own keyrings. */
  keyringFolders?: readonly string[] | undefined;
  /** The file that says which release this machine runs. */
  osReleaseFile?: string | undefined;
  /** Where apt keeps its configuration. */
  aptFolder?: string | undefined;
}

/** Where Debian keeps the keyrings of archives. */
const KEYRING_FOLDERS = ['/usr/share/keyrings', '/etc/apt/trusted.gpg.d', '/etc/apt/keyrings'];

/**
 * The isolated half of Debian: `<bundle>/dists/…`, `<bundle>/pool/…` and `<bundle>/keyring.asc` as a
 * plain apt repository.
 */
export function createDebianServer(options: DebianServerOptions = {}): EcosystemServer {
  const checker = new ProofChecker(
    options.keyrings ?? [],
    options.keyringFolders ?? KEYRING_FOLDERS,
  );
  return {
    name: 'debian',
    mount: 'debian',
    commands: APT_COMMANDS,
    installCommand,
    respond: (request, view) => Promise.resolve(respond(request, view)),
    checkProof: (entry, view, now) => checker.check(entry, view, now),
    settings: async (request) =>
      aptSettings(request, await machineRelease(options.osReleaseFile ?? '/etc/os-release')),
    use: async (request) =>
      aptConfiguration(
        request,
        await machineRelease(options.osReleaseFile ?? '/etc/os-release'),
        options.aptFolder ?? '/etc/apt',
      ),
    askedNames,
    neverCarried,
  };
}

/**
 * What the archives themselves signed, as it came: `<bundle>/dists/…` and `<bundle>/pool/…` of the
 * original repositories. These indexes alone may name what is not held.
 */
export function createDebianOriginalServer(options: DebianServerOptions = {}): EcosystemServer {
  const { use: _use, ...server } = createDebianServer(options);
  return {
    ...server,
    mount: 'debian-original',
    commands: [],
    respond: (request, view) => Promise.resolve(respond(request, view, originalEntryOf)),
  };
}

function respond(
  { path }: NativeRequest,
  view: HeldView,
  find: typeof entryOf = entryOf,
): NativeResponse {
  const slash = path.indexOf('/');
  const name = slash < 0 ? path : path.slice(0, slash);
  const rest = slash < 0 ? '' : path.slice(slash + 1);
  // Names are not unique across sources; the first that has the file answers.
  for (const bundle of view.bundles().filter((record) => record.name === name)) {
    const entry = find(bundle, rest, view);
    if (entry !== undefined) {
      return { kind: 'artifact', headers: { 'content-type': contentTypeOf(rest) }, entry };
    }
  }
  return { kind: 'not-found', ecosystem: 'debian', what: path };
}

function entryOf(bundle: BundleRecord, path: string, view: HeldView): CatalogEntry | undefined {
  const keyring = /^keyring\.(asc|gpg)$/.exec(path);
  if (keyring) {
    return view.entryByPath(bundle.id, `debian/keyring/${bundle.name}.${keyring[1] ?? ''}`);
  }
  if (!/^(dists|pool)\//.test(path)) return undefined;
  return fileOf(bundle, `debian/${path}`, view);
}

function originalEntryOf(
  bundle: BundleRecord,
  path: string,
  view: HeldView,
): CatalogEntry | undefined {
  const [, suite, file] = /^dists\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (suite !== undefined) return fileOf(bundle, `debian/proof/${suite}/${file ?? ''}`, view);
  return path.startsWith('pool/') ? view.entryByPath(bundle.id, `debian/${path}`) : undefined;
}

/** A file by its path in the bundle, or by the digest that stands in place of its name. */
function fileOf(bundle: BundleRecord, path: string, view: HeldView): CatalogEntry | undefined {
  const byHash = /^(.*\/)by-hash\/SHA256\/([0-9a-f]{64})$/.exec(path);
  if (!byHash) return view.entryByPath(bundle.id, path);
  const folder = byHash[1] ?? '';
  return view
    .entriesBySha256(byHash[2] ?? '')
    .find(
      (entry) =>
        entry.bundleId === bundle.id &&
        entry.path.startsWith(folder) &&
        !entry.path.slice(folder.length).includes('/'),
    );
}

function contentTypeOf(path: string): string {
  if (path.endsWith('.deb')) return 'application/vnd.debian.binary-package';
  if (path.endsWith('.gz')) return 'application/gzip';
  if (path.endsWith('.gpg') && !path.endsWith('Release.gpg')) return 'application/octet-stream';
  return 'text/plain; charset=utf-8';
}

/** apt takes no source on its command line: elsewhere its sources have to name the gateway. */
function installCommand(name: string, version: string, gateway?: string): string {
  return `${gateway === undefined ? 'x run -- ' : ''}apt-get install '${name}=${version}'`;
}
