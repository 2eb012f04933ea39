import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { SeenRelease, SeenReleases } from '../ports/apt.js';

/** The Release files seen before, in one small JSON file. */
export function openSeenReleases(path: string): SeenReleases {
  // One writer after the other: every suite of a run notes its own.
  let last: Promise<unknown> = Promise.resolve();
  return {
    get: async (suite) => (await read(path))[suite],
    put(suite, release) {
      const written = last.then(async () =>
        write(path, { ...(await read(path)), [suite]: release }),
      );
      last = written.catch(() => undefined);
      return written;
    },
  };
}

async function read(path: string): Promise<Record<string, SeenRelease>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return {};
    throw failed('read', path, error);
  }
  const parsed = parse(text);
  if (parsed !== undefined) return parsed;
  throw new XError('STORE_DAMAGED', `${path} is not what was written there`, {
    hint: 'Restore it from a copy, or remove it: then older Release files than were seen are not noticed.',
  });
}

function parse(text: string): Record<string, SeenRelease> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const isSeen = (entry: unknown): boolean =>
    typeof entry === 'object' &&
    entry !== null &&
    !Number.isNaN(Date.parse(String(Reflect.get(entry, 'date'))));
  return Object.values(value).every(isSeen) ? (value as Record<string, SeenRelease>) : undefined;
}

async function write(path: string, seen: Record<string, SeenRelease>): Promise<void> {
  const torn = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      await using handle = await open(torn, 'wx', 0o600);
      await handle.writeFile(`${JSON.stringify(seen, undefined, 1)}\n`);
      await handle.sync();
    } catch (error) {
      await rm(torn, { force: true });
      throw error;
    }
    await rename(torn, path);
  } catch (error) {
    throw failed('write', path, error);
  }
}

function failed(verb: string, path: string, cause: unknown): XError {
  const isFull = systemCodeOf(cause) === 'ENOSPC';
  return new XError(
    isFull ? 'DISK_FULL' : 'IO_FAILED',
    `cannot ${verb} ${path}: ${messageOf(cause)}`,
    {
      cause,
    },
  );
}
