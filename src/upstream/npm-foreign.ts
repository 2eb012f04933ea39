import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import { disagreements, digestsOfIntegrity } from '../domain/digest.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import type { NpmForeign, NpmForeignRequest } from '../ports/npm-registry.js';
import type { NpmConfig } from './npm-config.js';
import { asXError } from './npm-errors.js';

/** Repositories that are cloned, and tarballs that are fetched, at once. */
const PARALLEL = 4;

/**
 * Brings dependencies that no registry has: tarballs from their addresses, and commits of git
 * repositories packed as "npm pack" packs them, with every script off. They stay in a folder of their
 * own until it is closed.
 */
export class ForeignPackages {
  readonly #known = new Map<string, Promise<NpmForeign>>();
  readonly #queue = new PQueue({ concurrency: PARALLEL });
  #folder: Promise<string> | undefined;
  #count = 0;

  /** @throws XError NOT_RESOLVABLE, UPSTREAM_*, DIGEST_MISMATCH, LIMIT_EXCEEDED, CLIENT_MISSING. */
  fetch(request: NpmForeignRequest, config: NpmConfig): Promise<NpmForeign> {
    const key = `${request.address} ${request.integrity ?? ''}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fetching = this.#queue.add(() => this.#fetch(request, config));
    this.#known.set(key, fetching);
    return fetching;
  }

  async close(): Promise<void> {
    const folder = await this.#folder;
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  async #fetch(request: NpmForeignRequest, config: NpmConfig): Promise<NpmForeign> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'x-npm-foreign-'));
    const folder = await this.#folder;
    this.#count += 1;
    const file = join(folder, `${this.#count}.tgz`);
    const options = { ...config.options, cache: join(folder, 'cache') };
    await mkdir(options.cache, { recursive: true });
    const { kind } = request;
    const [resolved, digests] =
      kind === 'git'
        ? await pack(request.address, file, options)
        : await download(request, file, options);
    return {
      kind,
      address: resolved,
      manifest: await manifestOf(file, request, options),
      url: pathToFileURL(file).href,
      sizeBytes: (await stat(file)).size,
      digests,
    };
  }
}

type Brought = [resolved: string, digests: NpmForeign['digests']];

/** A commit as a tarball: pacote checks it out and packs it; no script of it runs. */
async function pack(
  address: string,
  file: string,
  options: Record<string, unknown>,
): Promise<Brought> {
  const [{ default: pacote }, { default: Arborist }] = await Promise.all([
    import('pacote'),
    import('@npmcli/arborist'),
  ]);
  try {
    const packed = await pacote.tarball.file(gitSpec(address), file, {
      ...options,
      Arborist,
      allowGit: 'all',
      allowRemote: 'all',
      ignoreScripts: true,
    });
    return [packed.resolved, digestsOfIntegrity(String(packed.integrity))];
  } catch (thrown) {
    throw gitFailure(thrown, address);
  }
}

/** With `git+` before an address that could be a web page's. */
function gitSpec(address: string): string {
  if (/^(https?|ssh|file):/.test(address)) return `git+${address}`;
  return address;
}

function gitFailure(thrown: unknown, address: string): XError {
  if (thrown instanceof XError) return thrown;
  const what = address.slice(0, 300);
  if (
    systemCodeOf(thrown) === 'ENOGIT' ||
    /spawn git ENOENT|No git binary/.test(messageOf(thrown))
  ) {
    return new XError('CLIENT_MISSING', `npm: ${what}: git is not installed here`, {
      hint: 'Install git, or depend on a published version.',
      cause: thrown,
    });
  }
  const stderr = (thrown as { stderr?: unknown } | null)?.stderr;
  if (stderr === undefined) return asXError(thrown, what);
  const said = String(stderr).trim().split('\n').at(-1) ?? '';
  const away = /Could not resolve host|Failed to connect|Connection (?:refused|timed out)/;
  return new XError(
    away.test(said) ? 'UPSTREAM_UNREACHABLE' : 'UPSTREAM_REFUSED',
    `npm: ${what}: git: ${(said || messageOf(thrown)).slice(0, 300)}`,
    {
      hint: 'Try "git ls-remote" on that address: X asks with the same keys and settings.',
      cause: thrown,
    },
  );
}

/** A tarball as it stands at its address, bounded, with its digests checked. */
async function download(
  request: NpmForeignRequest,
  file: string,
  options: Record<string, unknown>,
): Promise<Brought> {
  const { address, integrity } = request;
  const { default: registryFetch } = await import('npm-registry-fetch');
  const sha256 = createHash('sha256');
  const sha512 = createHash('sha512');
  const sha1 = createHash('sha1');
  let total = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      for (const hash of [sha256, sha512, sha1]) hash.update(chunk);
      const isTooLarge = total > BOUNDS.foreignTarballBytes;
      done(isTooLarge ? tooLarge(address) : null, chunk);
    },
  });
  try {
    const response = await registryFetch(address, { ...options, cache: undefined });
    await pipeline(Readable.from(response.body), counting, createWriteStream(file));
  } catch (thrown) {
    throw downloadFailure(thrown, address);
  }
  const digests = { sha256: sha256.digest('hex'), sha512: sha512.digest('hex') };
  const stated = digestsOfIntegrity(integrity ?? '');
  const shasum = /(?:^|\s)sha1-([A-Za-z0-9+/]+=*)/.exec(integrity ?? '')?.[1];
  const sha1Differs =
    shasum !== undefined && Buffer.from(shasum, 'base64').toString('hex') !== sha1.digest('hex');
  if (disagreements(stated, digests).length > 0 || sha1Differs) {
    throw new XError(
      'DIGEST_MISMATCH',
      `npm: ${address}: what is there now is not what the lockfile says`,
      { hint: 'Whoever keeps that address changed the file. Find out which bytes are right.' },
    );
  }
  return [address, digests];
}

function downloadFailure(thrown: unknown, address: string): XError {
  const error = asXError(thrown, address);
  if (error.code !== 'PACKAGE_NOT_FOUND') return error;
  return new XError('PACKAGE_NOT_FOUND', `npm: ${address}: there is nothing at that address`, {
    hint: 'Look at the dependency’s address in package.json or the lockfile.',
    cause: thrown,
  });
}

function tooLarge(address: string): XError {
  return new XError(
    'LIMIT_EXCEEDED',
    `npm: ${address}: larger than the limit of ${BOUNDS.foreignTarballBytes} bytes`,
  );
}

async function manifestOf(
  file: string,
  { address }: NpmForeignRequest,
  options: Record<string, unknown>,
): Promise<JsonObject> {
  const { default: pacote } = await import('pacote');
  try {
    return await pacote.manifest(`file:${file}`, {
      ...options,
      allowFile: 'all',
      fullReadJson: true,
    });
  } catch (thrown) {
    throw new XError(
      'UPSTREAM_MALFORMED',
      `npm: ${address}: no npm package: ${messageOf(thrown)}`,
      {
        hint: 'It has to be a gzipped tar with a package.json in its first folder.',
        cause: thrown,
      },
    );
  }
}
