import type { Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { Met, WalkOptions } from '../ports/folder-walk.js';

/** @see WalkFolder */
export async function* walkFolder(root: string, options: WalkOptions): AsyncGenerator<Met> {
  if (await isFile(root)) {
    yield { kind: 'file', path: root };
    return;
  }
  /** Folders to be entered, the deepest last: as many as are open at once, and their siblings. */
  const waiting = [{ folder: root, depth: 0 }];
  let entries = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { folder, depth } = next;
    try {
      for await (const entry of await opendir(folder)) {
        options.signal?.throwIfAborted();
        entries += 1;
        if (entries > options.entries) {
          yield {
            kind: 'problem',
            path: folder,
            reason: `${root} has more than ${options.entries} names: the rest is not looked at`,
          };
          return;
        }
        const path = join(folder, entry.name);
        if (!entry.isDirectory()) yield metOf(entry, path);
        else if (options.except.has(path)) yield { kind: 'passed-over', path };
        else if (depth < options.depth) waiting.push({ folder: path, depth: depth + 1 });
        else {
          const reason = `more than ${options.depth} folders deep`;
          yield { kind: 'problem', path, reason };
        }
      }
    } catch (error) {
      // The signal's reason, which is no failure of the folder's.
      if (systemCodeOf(error) === undefined || options.signal?.aborted === true) throw error;
      yield { kind: 'problem', path: folder, reason: messageOf(error) };
    }
  }
}

function metOf(entry: Dirent, path: string): Met {
  // What is not UTF-8 is read as this character, and cannot be opened by it.
  if (entry.name.includes('\ufffd')) {
    return { kind: 'problem', path, reason: 'its name is not UTF-8' };
  }
  return { kind: entry.isFile() ? 'file' : 'passed-over', path };
}

async function isFile(root: string): Promise<boolean> {
  try {
    const status = await stat(root);
    if (!status.isFile() && !status.isDirectory()) {
      throw new XError('INPUT_UNREADABLE', `${root} is neither a file nor a folder`);
    }
    return status.isFile();
  } catch (error) {
    if (error instanceof XError) throw error;
    const isMissing = ['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '');
    throw new XError(
      isMissing ? 'INPUT_NOT_FOUND' : 'INPUT_UNREADABLE',
      isMissing ? `there is no folder ${root}` : `cannot read ${root}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
