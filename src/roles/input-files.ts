import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { isWebAddress } from '../domain/web-address.js';
import type { InputFile } from '../ports/ecosystem.js';

/**
 * Reads one requirement file as text: UTF-8, UTF-16 with its mark, as Windows shells write it, or what a
 * comment at its start names.
 * @throws XError INPUT_NOT_FOUND; INPUT_UNREADABLE for a folder, a file that is too large or no such text.
 */
export async function readInputFile(path: string): Promise<InputFile> {
  return { path, text: decodedInput(path, await readBounded(path)) };
}

/**
 * @param charset what the bytes are said to be in where nothing in them says otherwise; default UTF-8.
 * @throws XError INPUT_UNREADABLE.
 */
export function decodedInput(path: string, bytes: Uint8Array, charset?: string): string {
  try {
    return new TextDecoder(encodingOf(bytes, charset), { fatal: true }).decode(bytes);
  } catch (error) {
    throw new XError('INPUT_UNREADABLE', `${path} is not text in UTF-8`, {
      hint: hintOf(path),
      cause: error,
    });
  }
}

function hintOf(path: string): string {
  if (path.endsWith('.deb')) {
    return `To carry what it needs, write its path in a list: the line ./${basename(path)} in a file packages.apt beside it.`;
  }
  // Only Python's files have such a line.
  if (/\.(?:json|lock|ya?ml|toml)$/.test(path)) return 'Save it as UTF-8.';
  return 'Save it as UTF-8, or name its encoding in its first line: # -*- coding: latin-1 -*-';
}

/** By the byte order mark, or by the comment of PEP 263 in the first two lines, as pip reads it. */
function encodingOf(bytes: Uint8Array, charset = 'utf-8'): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  const head = Buffer.from(bytes.subarray(0, ENCODING_BYTES)).toString('latin1').split('\n', 2);
  const comments = head.filter((line) => line.startsWith('#'));
  const named = comments.flatMap((line) => /coding[:=]\s*([-\w.]+)/.exec(line)?.[1] ?? []);
  const label = (named[0] ?? charset).toLowerCase().replaceAll('_', '-');
  return PYTHON_ENCODINGS[label] ?? label;
}

/** Encodings that the web calls otherwise than Python does. */
const PYTHON_ENCODINGS: Readonly<Record<string, string>> = {
  'latin-1': 'latin1',
  'utf-8-sig': 'utf-8',
  utf8: 'utf-8',
};

/** Where a comment that names the encoding is looked for. */
const ENCODING_BYTES = 1_024;

function tooLarge(path: string, what: string): XError {
  return new XError(
    'INPUT_UNREADABLE',
    `${path} ${what}; at most ${BOUNDS.inputFileBytes} are read`,
    { hint: 'Name a requirement file; split one that is as large as this.' },
  );
}

const READ_BYTES = 1 << 20;

/** All of a file, also of one that says no size: a pipe, or a device that never ends. */
async function readUpTo(file: FileHandle, path: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    total += bytesRead;
    if (total > BOUNDS.inputFileBytes) throw tooLarge(path, 'has no end in sight');
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > BOUNDS.inputFileBytes) throw tooLarge(path, `has ${size} bytes`);
      return await readUpTo(file, path);
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
  const file = isWebAddress(path) && URL.canParse(path) ? new URL(path).pathname : path;
  const stem = basename(file).replace(/(?<=.)\.[^.]*$/, '');
  const name = stem
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 64);
  return name === '' ? 'bundle' : name;
}
