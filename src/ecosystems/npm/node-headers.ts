import { BOUNDS } from '../../domain/bounds.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView, NodeOnPath } from '../../ports/ecosystem.js';
import { packageEntries } from './held-packages.js';
import { readFolderFromTarball } from './tarball.js';

/** The folder, below the run's own, that node-gyp finds headers in. */
export const NODE_FOLDER = 'npm/node';

/**
 * Node's headers for the Node that runs here, out of the held package of Node's own build: node-gyp
 * would ask its maker's servers for them. Nothing where none of its major version is held.
 */
export async function nodeHeaders(
  node: NodeOnPath | undefined,
  view: HeldView,
): Promise<{ path: string; text: string }[]> {
  const entry = node === undefined ? undefined : headersEntry(node, view);
  if (entry === undefined) return [];
  const bytes = await view.read(entry, BOUNDS.placedBlobBytes);
  const files = await readFolderFromTarball(once(bytes), 'include/', entry.path);
  return [...files].map(([path, body]) => ({
    path: `${NODE_FOLDER}/${path}`,
    // Headers and gypi files are text.
    text: Buffer.from(body).toString('utf8'),
  }));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** The very version's, or one of the same major: what is compiled with it fits (NODE_MODULE_VERSION). */
function headersEntry({ version, os, cpu }: NodeOnPath, view: HeldView): CatalogEntry | undefined {
  const build =
    cpu === 'arm' ? 'armv7l' : cpu === 'ia32' ? 'x86' : cpu === 'ppc64' ? 'ppc64le' : cpu;
  const held = packageEntries(view, `node-${os}-${build}`);
  const exact = held.find((entry) => entry.version === version);
  const major = `${version.split('.')[0] ?? ''}.`;
  return exact ?? held.find((entry) => entry.version?.startsWith(major));
}
