import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BOUNDS } from '../../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../../domain/errors.js';
import type { Sha256 } from '../../domain/digest.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView, ProofVerdict } from '../../ports/ecosystem.js';
import { compressionOf, decompress } from './decompress.js';
import type { Keyring } from './openpgp.js';
import { eachStanza, fieldIn } from './packages-index.js';
import { parseRelease, type Release } from './release.js';

/** A Release file that a bundle carries, and what became of its signature. */
interface CarriedRelease {
  release: Release;
  /** Undefined where no keyring of this machine has the key. */
  signer: string | undefined;
}

/** How many indexes and releases are remembered: a check of a whole bundle asks for the same few. */
const REMEMBERED = 16;

/** Checks, file by file, what Debian signed: .deb in Packages in InRelease by a key of this machine. */
export class ProofChecker {
  #keyrings: Promise<Keyring[]> | undefined;
  readonly #releases = new Map<string, Promise<CarriedRelease>>();
  readonly #indexes = new Map<Sha256, Promise<Map<Sha256, string>>>();

  constructor(
    readonly keyringPaths: readonly string[],
    readonly keyringFolders: readonly string[],
  ) {}

  async check(entry: CatalogEntry, view: HeldView, now: Date): Promise<ProofVerdict> {
    const suite = entry.detail?.['suite'];
    const index = entry.detail?.['index'];
    if (typeof suite !== 'string' || typeof index !== 'string') {
      return { proof: 'none', verdict: 'none', note: 'the bundle carries no proof for it' };
    }
    try {
      return await this.#checkChain(entry, suite, index, view, now);
    } catch (error) {
      // What is not at hand (one volume of several, a pull under way) cannot speak against it.
      const isAbsent = error instanceof XError && error.code === 'INCOMPLETE';
      const verdict = isAbsent ? 'carried' : 'broken';
      return { proof: 'debian-release', verdict, note: messageOf(error) };
    }
  }

  async #checkChain(
    entry: CatalogEntry,
    suite: string,
    indexPath: string,
    view: HeldView,
    now: Date,
  ): Promise<ProofVerdict> {
    const folder = `debian/proof/${suite}`;
    const index = view.entryByPath(entry.bundleId, `${folder}/${indexPath}`);
    const main =
      view.entryByPath(entry.bundleId, `${folder}/InRelease`) ??
      view.entryByPath(entry.bundleId, `${folder}/Release`);
    if (index === undefined || main === undefined) {
      return { proof: 'none', verdict: 'none', note: `the bundle lacks the proof of ${suite}` };
    }
    const { release, signer } = await remember(
      this.#releases,
      `${main.bundleId} ${main.sha256}`,
      () => this.#readRelease(main, folder, view, now),
    );
    if (release.files.get(indexPath)?.sha256 !== index.sha256) {
      throw new XError('DIGEST_MISMATCH', `${suite}: the Release file names another ${indexPath}`);
    }
    const listed = await remember(this.#indexes, index.sha256, () => readDigests(index, view));
    const label = listed.get(entry.sha256);
    if (label === undefined || label !== `${entry.name ?? ''} ${entry.version ?? ''}`) {
      throw new XError(
        'DIGEST_MISMATCH',
        `${suite}/${indexPath} lists no such file for ${entry.name ?? ''} ${entry.version ?? ''}`,
      );
    }
    const origin = release.fields.get('origin') ?? 'its publisher';
    const codename = release.codename ?? suite;
    return signer === undefined
      ? {
          proof: 'debian-release',
          verdict: 'carried',
          note: `listed by ${origin} ${codename}, but no keyring here has the key that signed it`,
        }
      : {
          proof: 'debian-release',
          verdict: 'holds',
          note: `published by ${origin} in ${codename}, signed by ${signer}`,
        };
  }

  async #readRelease(
    main: CatalogEntry,
    folder: string,
    view: HeldView,
    now: Date,
  ): Promise<CarriedRelease> {
    const bytes = await view.read(main, BOUNDS.releaseFileBytes);
    const beside = view.entryByPath(main.bundleId, `${folder}/Release.gpg`);
    const signature =
      beside === undefined || main.path.endsWith('/InRelease')
        ? undefined
        : await view.read(beside, BOUNDS.releaseFileBytes);
    // How old it may be is the bundle's to say, and an isolated clock may be behind.
    const date = new Date(Math.max(now.getTime(), Date.UTC(2100, 0, 1)));
    this.#keyrings ??= loadKeyrings(this.keyringPaths, this.keyringFolders);
    const file = { bytes, signature };
    const { checkSignatures } = await import('./openpgp.js');
    const checked = await checkSignatures(file, await this.#keyrings, date, main.path);
    const { signer, hasKey, failures } = checked;
    if (signer === undefined && hasKey) {
      throw new XError('SIGNATURE_INVALID', `${main.path}: ${failures.join('; ')}`);
    }
    return {
      release: parseRelease(checked.text, main.path),
      signer: signer && `${signer.fingerprint} (${signer.keyring})`,
    };
  }
}

async function remember<K, T>(
  known: Map<K, Promise<T>>,
  key: K,
  make: () => Promise<T>,
): Promise<T> {
  const existing = known.get(key);
  if (existing !== undefined) return existing;
  const [oldest] = known.keys();
  if (known.size >= REMEMBERED && oldest !== undefined) known.delete(oldest);
  const made = make();
  known.set(key, made);
  return made;
}

/** What a Packages file lists: `name version` by digest. */
async function readDigests(index: CatalogEntry, view: HeldView): Promise<Map<Sha256, string>> {
  const bytes = await view.read(index, BOUNDS.documentBytes);
  const compression = compressionOf(index.path) ?? 'none';
  const chunks = (async function* () {
    yield await Promise.resolve(bytes);
  })();
  const text = decompress(chunks, compression, BOUNDS.packagesFileBytes, index.path);
  const listed = new Map<Sha256, string>();
  await eachStanza(text, index.path, (stanza) => {
    const sha256 = fieldIn(stanza, 'sha256')?.toLowerCase() ?? '';
    const name = fieldIn(stanza, 'package') ?? '';
    listed.set(sha256, `${name} ${fieldIn(stanza, 'version') ?? ''}`);
  });
  return listed;
}

/** Every keyring of this machine; a file that is none is passed over, for the folders hold other things too. */
async function loadKeyrings(
  paths: readonly string[],
  folders: readonly string[],
): Promise<Keyring[]> {
  const found = (await Promise.all(folders.map(listKeyrings))).flat();
  const { readKeyring } = await import('./openpgp.js');
  const keyrings: Keyring[] = [];
  for (const path of [...new Set(found)].slice(0, BOUNDS.inputFiles)) {
    try {
      keyrings.push(await readKeyring(await readFile(path), path));
    } catch (error) {
      if (!(error instanceof XError) && systemCodeOf(error) === undefined) throw error;
    }
  }
  const named = await Promise.all(
    paths.map(async (path) => readKeyring(await readNamed(path), path)),
  );
  return [...named, ...keyrings];
}

async function readNamed(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new XError('INPUT_NOT_FOUND', `cannot read the keyring ${path}: ${messageOf(error)}`, {
      hint: 'Name a keyring file with --debian-keyring.',
      cause: error,
    });
  }
}

async function listKeyrings(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => /\.(gpg|asc|pgp)$/.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCodeOf(error) ?? '')) return [];
    throw error;
  }
}
