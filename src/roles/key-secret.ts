import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { requirePrivate } from './private-files.js';

/** The passphrase or keyfile: X_KEY_FILE, X_KEY_PASSPHRASE, or a question on a terminal. */
export async function secretFor(path: string): Promise<Uint8Array> {
  const { X_KEY_FILE: file, X_KEY_PASSPHRASE: passphrase } = process.env;
  if (file !== undefined && file !== '') return await readKeyfile(file);
  if (passphrase !== undefined && passphrase !== '') return Buffer.from(passphrase);
  if (process.stdin.isTTY && process.stderr.isTTY)
    return await askPassphrase(`Passphrase of ${path}: `);
  throw new XError('KEY_LOCKED', `${path} is encrypted`, {
    hint: 'Set X_KEY_FILE to the keyfile, or X_KEY_PASSPHRASE to the passphrase.',
  });
}

async function readKeyfile(file: string): Promise<Uint8Array> {
  await requirePrivate(file).catch((error: unknown) => {
    if (error instanceof XError) throw error;
    throw noKeyfile(file, error);
  });
  const bytes = await readFile(file).catch((error: unknown) => {
    throw noKeyfile(file, error);
  });
  if (bytes.length >= 16) return bytes;
  throw new XError('USAGE', `the keyfile ${file} has ${bytes.length} bytes; 16 are the least`, {
    hint: 'Make one with: head -c 32 /dev/urandom > FILE && chmod 600 FILE',
  });
}

function noKeyfile(file: string, error: unknown): XError {
  const isAbsent = systemCodeOf(error) === 'ENOENT';
  const message = isAbsent
    ? `there is no keyfile ${file}`
    : `the keyfile ${file}: ${messageOf(error)}`;
  return new XError('INPUT_NOT_FOUND', message, {
    hint: 'X_KEY_FILE names it; put in the medium that it lies on, or unset X_KEY_FILE.',
    cause: error,
  });
}

async function askPassphrase(question: string): Promise<Uint8Array> {
  process.stderr.write(question);
  // What is typed is not shown.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return Buffer.from(await prompt.question(''));
  } finally {
    prompt.close();
    process.stderr.write('\n');
  }
}

/** The secret that keys are to be sealed with from now on; asked twice on a terminal. */
export async function newSecret(): Promise<Uint8Array> {
  const { X_KEY_FILE: file, X_KEY_PASSPHRASE: passphrase } = process.env;
  const isAnswered = Boolean(file) || Boolean(passphrase);
  if (!isAnswered && !(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new XError('USAGE', 'nothing was given to encrypt the keys with', {
      hint: 'Set X_KEY_FILE to a keyfile, or X_KEY_PASSPHRASE to a passphrase; on a terminal it is asked for.',
    });
  }
  if (isAnswered) {
    const secret = await secretFor('the key');
    if (secret.length >= 8) return secret;
  } else {
    const [first, second] = [
      await askPassphrase('New passphrase: '),
      await askPassphrase('Once more: '),
    ];
    if (Buffer.compare(first, second) !== 0) {
      throw new XError('USAGE', 'the two passphrases differ', { hint: 'Try again.' });
    }
    if (first.length >= 8) return first;
  }
  throw new XError('USAGE', 'the passphrase is too short', { hint: 'Give 8 characters or more.' });
}
