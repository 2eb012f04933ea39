import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { InputFile } from '../ports/ecosystem.js';

/**
 * Reads one requirement file as text: UTF-8, or UTF-16 with its mark, as Windows shells write it.
 * @throws XError INPUT_NOT_FOUND; INPUT_UNREADABLE for a folder, a file that is too large or no such text.
 */
export async function readInputFile(path: string): Promise<InputFile> {
  const bytes = await readBounded(path);
  try {
    const text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
    return { path, text };
  } catch (error) {
    throw new XError('INPUT_UNREADABLE', `${path} is not text in UTF-8`, {
      hint: path.endsWith('.deb')
        ? `To carry what it needs, write its path in a list: the line ./${basename(path)} in a file packages.apt beside it.`
        : 'Save it as UTF-8; a requirement file is plain text.',
      cause: error,
    });
  }
}

/** By the byte order mark alone. */
function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > BOUNDS.inputFileBytes) {
        throw new XError(
          'INPUT_UNREADABLE',
          `${path} has ${size} bytes; at most ${BOUNDS.inputFileBytes} are read`,
        );
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof XError) throw error;
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new XError('INPUT_NOT_FOUND', `there is no file ${path}`, {
        hint: 'Name an existing requirement file after -r.',
        cause: error,
      });
    }
    if (code === 'EISDIR')
      throw new XError('INPUT_UNREADABLE', `${path} is a folder, not a requirement file`, {
        hint: 'Name the file in it: requirements.txt, package.json…',
        cause: error,
      });
    throw new XError('INPUT_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A bundle's name from the stem of its first file: `requirements.txt` gives `requirements`. */
export function bundleNameOf(path: string): string {
  const stem = basename(path).replace(/(?<=.)\.[^.]*$/, '');
  const name = stem
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 64);
  return name === '' ? 'bundle' : name;
}
