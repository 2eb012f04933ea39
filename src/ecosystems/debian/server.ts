import type {
  EcosystemServer,
  HeldView,
  NativeRequest,
  NativeResponse,
} from '../../ports/ecosystem.js';
import type { BundleRecord, CatalogEntry } from '../../ports/catalog.js';
import { askedNames } from './asked-names.js';
import { aptSettings, APT_COMMANDS } from './client-settings.js';
import { machineRelease } from './machine-release.js';
import { ProofChecker } from './proof-checker.js';

export interface DebianServerOptions {
  /** Keyrings that releases may be checked against, beside those of this machine's apt. */
  keyrings?: readonly string[] | undefined;
  /** Folders with this machine's own keyrings. */
  keyringFolders?: readonly string[] | undefined;
  /** The file that says which release this machine runs. */
  osReleaseFile?: string | undefined;
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
    respond: (request, view) => Promise.resolve(respond(request, view)),
    checkProof: (entry, view, now) => checker.check(entry, view, now),
    settings: async (request) =>
      aptSettings(request, await machineRelease(options.osReleaseFile ?? '/etc/os-release')),
    askedNames,
  };
}

function respond({ path }: NativeRequest, view: HeldView): NativeResponse {
  const slash = path.indexOf('/');
  const name = slash < 0 ? path : path.slice(0, slash);
  const rest = slash < 0 ? '' : path.slice(slash + 1);
  // Names are not unique across sources; the first that has the file answers.
  for (const bundle of view.bundles().filter((record) => record.name === name)) {
    const entry = entryOf(bundle, rest, view);
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
  const byHash = /^(.*\/)by-hash\/SHA256\/([0-9a-f]{64})$/.exec(path);
  if (!byHash) return view.entryByPath(bundle.id, `debian/${path}`);
  const folder = `debian/${byHash[1] ?? ''}`;
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
