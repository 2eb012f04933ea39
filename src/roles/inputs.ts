import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Settings } from '../config/settings.js';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { findBundle } from '../operations/find-bundle.js';
import { GATEWAY, inputsOf, ORIGINAL, pointedAt } from './carried-inputs.js';
import { createHeldView, nobodyToAsk } from './held-view.js';
import { openData } from './open-data.js';
import type { Printer } from './printer.js';
import { residentGateway } from './resident.js';

export interface InputsInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** A bundle's name or id. */
  bundle: string;
  /** The folder to write to; made where it is missing. */
  to: string;
  /** As they were, with the addresses that they had. */
  original: boolean;
}

/** `x inputs`: the files that a bundle was made from, their addresses pointing at the gateway. Overwrites nothing. */
export async function runInputs(input: InputsInput): Promise<void> {
  const { settings, printer, to } = input;
  const data = await openData(settings.folder);
  try {
    const { catalog, store } = data;
    const bundle = findBundle(catalog, input.bundle);
    const view = createHeldView(catalog, store, nobodyToAsk);
    const gateway = (await residentGateway(settings.folder)) ?? `http://127.0.0.1:${settings.port}`;
    const inBundle = { bundleId: bundle.id };
    const originals = inputsOf(inBundle, ORIGINAL, { catalog });
    const rewritten = input.original
      ? new Map<string, never>()
      : inputsOf(inBundle, GATEWAY, { catalog });
    const files: { path: string; rewritten: boolean }[] = [];
    for (const [name, original] of originals) {
      const copy = rewritten.get(name);
      const body = Buffer.from(await view.read(copy ?? original, BOUNDS.inputFileBytes));
      const path = join(to, name);
      const text = copy === undefined ? body : pointedAt(gateway, body.toString('utf8'));
      await writeNew(path, text);
      files.push({ path, rewritten: copy !== undefined });
    }
    printer.document({ bundle: bundle.id, gateway, files }, [
      ...files.map((file) => `${file.path}${file.rewritten ? ` (points at ${gateway})` : ''}`),
      files.length === 0
        ? `bundle "${bundle.name}" carries no inputs`
        : `${files.length} ${files.length === 1 ? 'file' : 'files'} written`,
    ]);
  } finally {
    await data.close();
  }
}

/** Signed paths are safe ones, and what is there already stays. */
async function writeNew(path: string, text: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    const code = systemCodeOf(cause) ?? '';
    if (code === 'EEXIST') {
      throw new XError('IO_FAILED', `${path} is there already`, {
        hint: 'Nothing is overwritten: name an empty folder.',
        cause,
      });
    }
    // Half a file would be taken for a whole one.
    await rm(path, { force: true }).catch(() => undefined);
    const isFull = ['ENOSPC', 'EDQUOT'].includes(code);
    throw new XError(isFull ? 'DISK_FULL' : 'IO_FAILED', `${path}: ${messageOf(cause)}`, {
      hint: isFull
        ? 'Name a new folder on a disk that has room.'
        : 'Name a folder that you may write to.',
      cause,
    });
  }
}
