import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { sha256 } from '../domain/digest.js';
import { systemCodeOf } from '../domain/errors.js';
import { isWebAddress, plainAddress } from '../domain/web-address.js';
import { GATEWAY_PLACEHOLDER } from '../operations/seal-bundle.js';
import type { Catalog, CatalogEntry } from '../ports/catalog.js';
import type { EcosystemServer, HeldView } from '../ports/ecosystem.js';

/** Below which a bundle carries its inputs, and their copies for the gateway. */
export const ORIGINAL = 'inputs/original/';
export const GATEWAY = 'inputs/gateway/';

export interface CarriedInputsRequest {
  args: readonly string[];
  /** Where the command runs. */
  cwd: string;
  gateway: string;
  catalog: Pick<Catalog, 'bundles' | 'entriesBySha256' | 'entriesByPrefix'>;
  view: Pick<HeldView, 'read'>;
  /** The run's own folder: copies are written below it. */
  folder: string;
  warn: (message: string) => void;
  /** Told of each file whose own addresses do not count for this run. */
  say: (text: string) => void;
  /** The ecosystem's way to point a file at the gateway that no bundle was made from. */
  rewrite?: EcosystemServer['rewriteInput'];
}

/**
 * The arguments of a native command, those that name an input file of a bundle replaced by the copy
 * that the bundle carries with its addresses pointing at the gateway. Only a file with the very bytes
 * that the bundle was made from is replaced, and only where what it names beside it is unchanged too;
 * and the address of a file that was fetched for a bundle.
 */
export async function withCarriedInputs(request: CarriedInputsRequest): Promise<string[]> {
  const replaced: string[] = [];
  for (const [at, arg] of request.args.entries()) {
    // `FILE`, `--requirement=FILE`, `-rFILE`.
    const [, option = '', path = ''] = /^(--[a-z-]+=|-[rc](?=[^=]))?(.*)$/s.exec(arg) ?? [];
    const copyOf = isWebAddress(path) ? copyOfFetched : copyOfLocal;
    const isRequirement = FILE_OPTIONS.has(option === '' ? (request.args[at - 1] ?? '') : option);
    const copy =
      path === ''
        ? undefined
        : ((await copyOf(path, at, request)) ??
          (isRequirement ? await rewrittenCopy(path, at, request) : undefined));
    replaced.push(copy === undefined ? arg : option + copy);
  }
  return replaced;
}

/** What a requirements file or constraints stand behind. */
const FILE_OPTIONS = new Set([
  ...['-r', '-c', '--requirement', '--constraint'],
  ...['--requirement=', '--constraint='],
]);

/** A file that no bundle was made from, but asks an index of its own. */
async function rewrittenCopy(
  path: string,
  at: number,
  { cwd, gateway, folder, rewrite, say }: CarriedInputsRequest,
): Promise<string | undefined> {
  const bytes = await readInput(resolve(cwd, path));
  if (bytes === undefined) return undefined;
  const text = rewrite?.({ path, text: bytes.toString('utf8') }, gateway);
  if (text === undefined) return undefined;
  const copy = join(folder, 'inputs', String(at), basename(path));
  await mkdir(dirname(copy), { recursive: true });
  await writeFile(copy, text);
  say(`${path} names an index of its own; for this run it asks the gateway`);
  return copy;
}

/** A file that the bundle's source fetched from there, and this machine cannot. */
async function copyOfFetched(
  address: string,
  at: number,
  request: CarriedInputsRequest,
): Promise<string | undefined> {
  if (!URL.canParse(address)) return undefined;
  const plain = plainAddress(address);
  for (const { id } of request.catalog.bundles()) {
    for (const [name, entry] of inputsOf({ bundleId: id }, ORIGINAL, request)) {
      if (entry.detail?.['address'] === plain) return writeCopies(name, entry, at, request);
    }
  }
  return undefined;
}

async function copyOfLocal(
  path: string,
  at: number,
  request: CarriedInputsRequest,
): Promise<string | undefined> {
  const local = resolve(request.cwd, path);
  const bytes = await readInput(local);
  if (bytes === undefined) return undefined;
  const carried = request.catalog
    .entriesBySha256(sha256(bytes))
    .find(({ kind, path: place }) => kind === 'input' && place.startsWith(ORIGINAL));
  if (carried === undefined) return undefined;
  const originals = inputsOf(carried, ORIGINAL, request);
  if (inputsOf(carried, GATEWAY, request).size === 0) return undefined;
  const name = carried.path.slice(ORIGINAL.length);
  for (const [other, entry] of originals) {
    const beside = resolve(dirname(local), posix.relative(posix.dirname(name), other));
    const found = await readInput(beside);
    if (found === undefined || sha256(found) === entry.sha256) continue;
    request.warn(
      `${beside} is not what bundle "${carried.bundleName}" was made from, so ${path} is used as it is, with its own addresses`,
    );
    return undefined;
  }
  return writeCopies(name, carried, at, request);
}

/** Writes all inputs of a bundle, as they are for the gateway; answers where the one of that name is. */
async function writeCopies(
  name: string,
  bundle: Pick<CatalogEntry, 'bundleId'>,
  at: number,
  request: CarriedInputsRequest,
): Promise<string> {
  const originals = inputsOf(bundle, ORIGINAL, request);
  const rewritten = inputsOf(bundle, GATEWAY, request);
  const folder = join(request.folder, 'inputs', String(at));
  for (const [other, original] of originals) {
    const entry = rewritten.get(other) ?? original;
    const body = Buffer.from(await request.view.read(entry, BOUNDS.inputFileBytes));
    const target = join(folder, other);
    await mkdir(dirname(target), { recursive: true });
    const text = entry === original ? body : pointedAt(request.gateway, body.toString('utf8'));
    await writeFile(target, text);
  }
  return join(folder, name);
}

export function pointedAt(gateway: string, text: string): string {
  return text.replaceAll(GATEWAY_PLACEHOLDER, gateway);
}

/** A bundle's inputs below a folder, by their path in it. Signed paths are safe ones. */
export function inputsOf(
  { bundleId }: Pick<CatalogEntry, 'bundleId'>,
  prefix: string,
  { catalog }: { catalog: Pick<Catalog, 'entriesByPrefix'> },
): Map<string, CatalogEntry> {
  const found = new Map<string, CatalogEntry>();
  for (const entry of catalog.entriesByPrefix(bundleId, prefix))
    if (entry.kind === 'input') found.set(entry.path.slice(prefix.length), entry);
  return found;
}

/** The bytes of a file that can be an input; undefined for anything else. */
export async function readInput(path: string): Promise<Buffer | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > BOUNDS.inputFileBytes) return undefined;
    return await readFile(path);
  } catch (error) {
    // Most arguments are no files; one that cannot be read is the native client's to complain of.
    if (systemCodeOf(error) !== undefined) return undefined;
    throw error;
  }
}
