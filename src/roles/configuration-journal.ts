import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { sha256 } from '../domain/digest.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { ConfigurationFile } from '../ports/ecosystem.js';

/** A file that was changed: what it was, and what it was made. */
interface Change {
  path: string;
  /** Its text before; null where there was no file. */
  before: string | null;
  /** The digest of what was written. */
  written: string;
  /** The same of the time before: killed half-way, that is what is there. */
  earlier?: string | undefined;
  /** The topmost folder that was not there either. */
  folder?: string | undefined;
}

/** What a file was, put beside it where it could not be put back. */
export interface KeptCopy {
  path: string;
  copy: string;
}

/** Changes of other programs' configuration files that can be taken back. */
export class ConfigurationJournal {
  readonly #path: string;
  readonly #changes: readonly Change[];

  private constructor(path: string, changes: readonly Change[]) {
    this.#path = path;
    this.#changes = changes;
  }

  /** @throws XError STORE_DAMAGED, IO_FAILED. */
  static async open(path: string): Promise<ConfigurationJournal> {
    return new ConfigurationJournal(path, await readChanges(path));
  }

  get isEmpty(): boolean {
    return this.#changes.length === 0;
  }

  /** A file's text as it was before any change that is noted here. @throws XError IO_FAILED. */
  async original(path: string): Promise<string | undefined> {
    const change = this.#changes.find((known) => known.path === path);
    return (change === undefined ? await readOrNull(path) : change.before) ?? undefined;
  }

  /**
   * Writes files, each whole, after noting what they were: killed half-way, it can be undone. Where one
   * cannot be written, all are as they were before. Files of an earlier time that are not among them
   * become what they were. What somebody else wrote into one since the last time is kept beside it.
   * @throws XError IO_FAILED.
   */
  async apply(files: readonly ConfigurationFile[]): Promise<KeptCopy[]> {
    const next: Change[] = [];
    for (const { path, text } of files) {
      const known = this.#changes.find((change) => change.path === path);
      next.push({
        path,
        before: (await this.original(path)) ?? null,
        written: sha256(text),
        earlier: known?.written,
        folder: known === undefined ? missingFolder(await behindLinks(path)) : known.folder,
      });
    }
    const dropped = this.#changes.filter(({ path }) => !files.some((file) => file.path === path));
    const found = await Promise.all(next.map(({ path }) => readOrNull(path)));
    const kept: KeptCopy[] = [];
    for (const [i, now] of found.entries()) {
      const known = this.#changes.find(({ path }) => path === next[i]?.path);
      if (known !== undefined && now !== null && isForeign(known, now))
        kept.push(await keepBeside(known.path, now));
    }
    await this.#save([...next, ...dropped]);
    try {
      for (const { path, text } of files) await writeWhole(path, text, await modeOf(path));
    } catch (error) {
      await this.#backOut(next.map((change, i) => ({ ...change, before: found[i] ?? null })));
      throw error;
    }
    if (dropped.length === 0) return kept;
    kept.push(...(await restore(dropped)).kept);
    await this.#save(next);
    return kept;
  }

  /** Where even that fails, what is noted stays, and `undo` brings it back later. */
  async #backOut(changes: readonly Change[]): Promise<void> {
    try {
      await restore(changes);
      await (this.isEmpty ? removed(this.#path) : this.#save(this.#changes));
    } catch (error) {
      if (!(error instanceof XError)) throw error;
    }
  }

  /** Brings back what was. What somebody else changed since is left as it is, and named: what it was is put beside it. */
  async undo(): Promise<{ restored: string[]; left: string[]; kept: KeptCopy[] }> {
    const { left, kept } = await restore(this.#changes);
    await this.#handOver();
    await removed(this.#path);
    const restored = this.#changes.map(({ path }) => path).filter((path) => !left.includes(path));
    return { restored, left, kept };
  }

  /** Folders that were made for this and have files of another journal in them are that one's to remove. */
  async #handOver(): Promise<void> {
    const folders = this.#changes
      .flatMap(({ folder }) => folder ?? [])
      .filter((one) => existsSync(one));
    if (folders.length === 0) return;
    const beside = dirname(this.#path);
    for (const name of await readdir(beside)) {
      const path = join(beside, name);
      if (path === this.#path || !name.endsWith('.json')) continue;
      // One that cannot be read is said where it is undone itself.
      const changes = await readChanges(path).catch(() => []);
      if (changes.length === 0) continue;
      const taken = changes.map((change) => {
        const folder = folders.find((one) => change.path.startsWith(`${one}/`));
        return folder === undefined ? change : { ...change, folder };
      });
      await new ConfigurationJournal(path, changes).#save(taken);
    }
  }

  async #save(changes: readonly Change[]): Promise<void> {
    await writeWhole(this.#path, `${JSON.stringify(changes, undefined, 1)}\n`, 0o600);
  }
}

/** Puts back what was; the paths of files that somebody else changed since, which are left alone. */
async function restore(changes: readonly Change[]): Promise<{ left: string[]; kept: KeptCopy[] }> {
  const left: string[] = [];
  const kept: KeptCopy[] = [];
  for (const change of changes) {
    const { path, before, folder } = change;
    const now = await readOrNull(path);
    if (now !== before) {
      if (now === null || isForeign(change, now)) {
        left.push(path);
        if (before !== null) kept.push(await keepBeside(path, before));
      } else if (before === null) await removed(await behindLinks(path));
      else await writeWhole(path, before, await modeOf(path));
    }
    if (folder !== undefined) await removeEmpty(dirname(await behindLinks(path)), folder);
  }
  return { left, kept };
}

/** Whether somebody else wrote this. */
function isForeign({ before, written, earlier }: Change, now: string): boolean {
  return now !== before && ![written, earlier].includes(sha256(now));
}

/** Such copies of one file that may lie beside it. */
const COPIES = 100;

/** Never in the place of another copy; who may read the file may read it. */
async function keepBeside(path: string, text: string): Promise<KeptCopy> {
  for (let count = 1; count <= COPIES; count += 1) {
    const copy = `${path}.before-x${count === 1 ? '' : `-${count}`}`;
    const there = await readOrNull(copy);
    if (there === null) {
      const isThere = (await readOrNull(path)) !== null;
      await writeWhole(copy, text, isThere ? await modeOf(path) : 0o600);
    }
    if (there === null || there === text) return { path, copy };
  }
  throw new XError('IO_FAILED', `there are ${COPIES} files ${path}.before-x… already`, {
    hint: 'Remove those that are not needed any more.',
  });
}

/** The topmost of the folders of a file that are not there. */
function missingFolder(path: string): string | undefined {
  let missing: string | undefined;
  for (let at = dirname(path); !existsSync(at) && dirname(at) !== at; at = dirname(at))
    missing = at;
  return missing;
}

/** Removes a folder and those above it, up to `topmost`, as far as they are empty. */
async function removeEmpty(from: string, topmost: string): Promise<void> {
  for (let at = from; at.startsWith(topmost); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch (error) {
      const code = systemCodeOf(error) ?? '';
      // Somebody put something there since.
      if (['ENOTEMPTY', 'EEXIST'].includes(code)) return;
      if (code !== 'ENOENT') throw failed('remove', at, error);
    }
  }
}

async function removed(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw failed('remove', path, error);
  }
}

async function readChanges(journal: string): Promise<Change[]> {
  const text = await readOrNull(journal);
  if (text === null) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed) && parsed.every(isChange)) return parsed;
  } catch {
    // Told below, as a list of other things is.
  }
  throw new XError('STORE_DAMAGED', `${journal} is not what was written there`, {
    hint: 'Take the gateway out of the client’s configuration by hand, then remove this file.',
  });
}

function isChange(value: unknown): value is Change {
  if (typeof value !== 'object' || value === null) return false;
  const { path, before, written, earlier, folder } = value as Record<string, unknown>;
  const isTextIfAny = (one: unknown): boolean => one === undefined || typeof one === 'string';
  return (
    typeof path === 'string' &&
    (before === null || typeof before === 'string') &&
    typeof written === 'string' &&
    isTextIfAny(earlier) &&
    isTextIfAny(folder)
  );
}

async function readOrNull(path: string): Promise<string | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw failed('read', path, error);
  }
  const text = Buffer.from(bytes).toString('utf8');
  // What is brought back has to be what was, to the byte.
  if (Buffer.from(text).equals(bytes)) return text;
  throw new XError('INPUT_UNREADABLE', `${path} is not text in UTF-8, so it is left as it is`, {
    hint: 'Save it as UTF-8 first.',
  });
}

/** The file itself, where a name of it is a link: what is replaced is the file, not the link. */
async function behindLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw failed('read', path, error);
  }
  try {
    // A link to what is not there yet.
    return resolve(dirname(path), await readlink(path));
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(systemCodeOf(error) ?? '')) return path;
    throw failed('read', path, error);
  }
}

/** A file keeps who may read it; a new one is for all, as the native clients run as others too. */
async function modeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 0o644;
    throw failed('read', path, error);
  }
}

async function writeWhole(name: string, text: string, mode: number): Promise<void> {
  const path = await behindLinks(name);
  const torn = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeFile(torn, text, { flag: 'wx', mode });
      await keepOwner(torn, path);
      // The mask of the process does not count here.
      await chmod(torn, mode);
      await rename(torn, path);
    } catch (error) {
      await rm(torn, { force: true });
      throw error;
    }
  } catch (error) {
    throw failed('write', path, error);
  }
}

/** Root may write what is another's, and leaves it to him. */
async function keepOwner(torn: string, path: string): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync(path)) return;
  const { uid, gid } = await stat(path);
  await chown(torn, uid, gid);
}

function failed(verb: string, path: string, cause: unknown): XError {
  const code = systemCodeOf(cause) ?? '';
  const isFull = ['ENOSPC', 'EDQUOT'].includes(code);
  const isRight = ['EACCES', 'EPERM', 'EROFS'].includes(code);
  return new XError(
    isFull ? 'DISK_FULL' : 'IO_FAILED',
    `cannot ${verb} ${path}: ${messageOf(cause)}`,
    {
      hint: isFull
        ? 'Free some space, then run it again: what the file was is still there.'
        : isRight
          ? 'Run it as the user who owns the file: sudo x use …'
          : undefined,
      cause,
    },
  );
}
