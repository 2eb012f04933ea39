import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Settings } from '../config/settings.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { expandTargets } from '../domain/expand-targets.js';
import { formatTarget, parseTarget, type Target } from '../domain/target.js';
import { makeRequest } from '../operations/make-request.js';
import { systemClock } from '../platform/clock.js';
import { detectHostTarget } from '../platform/host.js';
import { systemRandom } from '../platform/random.js';
import { syncFolder } from '../store/durable-file.js';
import { openData } from './open-data.js';
import { openIdentity } from './open-keys.js';
import { formatBytes, type Printer } from './printer.js';
import { requestSections } from './request-sections.js';

export interface RequestInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** The file to write. */
  output: string;
  /** Another target than this machine. */
  target: string | undefined;
}

/** `x request`: what this machine is and holds, in a file for a source to answer. */
export async function runRequest(input: RequestInput): Promise<void> {
  const { printer, settings, output } = input;
  const target = await targetOf(input.target);
  // Of another target than this machine, what is installed here says nothing.
  const sections = input.target === undefined ? await requestSections(target) : {};
  const data = await openData(settings.folder, (message) =>
    printer.report({ event: 'warning', message }),
  );
  try {
    const identity = await openIdentity(settings.folder);
    const { store, catalog } = data;
    const deps = { store, catalog, clock: systemClock, random: systemRandom, identity };
    const { bytes, ...made } = makeRequest(deps, { target, sections });
    await writeWhole(output, bytes);
    const document = {
      file: output,
      requester: identity.did,
      target: formatTarget(target),
      ecosystems: sections,
      bytes: bytes.length,
      ...made,
    };
    printer.document(document, [
      `written: ${output} (${formatBytes(bytes.length)})`,
      `  target ${document.target}; holds ${made.held} files of ${made.bundles} ${made.bundles === 1 ? 'bundle' : 'bundles'}`,
      ...(made.wishes === 0 ? [] : [`  ${made.wishes} packages were asked for in vain (x wishes)`]),
      `  signed by ${identity.did}`,
      `Carry it to the source: x source -r FILE --for ${shellWord(output)} --export DIR`,
    ]);
  } finally {
    await data.close();
  }
}

async function targetOf(text: string | undefined): Promise<Target> {
  if (text !== undefined) return parseTarget(text);
  const none = { targets: [], pythons: [], nodes: [], platforms: [], libcs: [] };
  const [target] = expandTargets(await detectHostTarget(), none);
  if (target !== undefined) return target;
  throw new XError('USAGE', 'this machine is no target that x knows', {
    hint: 'Say what it is with --target linux/amd64/glibc2.36,python=3.12.',
  });
}

/** Under its name there is a whole file or what was there before; a stick may be pulled out right after. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  if (path === '') throw new XError('USAGE', '-o needs the name of a file');
  const temporary = `${path}.part`;
  try {
    const file = await open(temporary, 'w', 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    const code = systemCodeOf(cause);
    if (code === 'ENOSPC' || code === 'EDQUOT') throw cause;
    throw new XError('IO_FAILED', `cannot write ${path}: ${messageOf(cause)}`, {
      hint: 'Check the folder and its permissions.',
      cause,
    });
  }
}

/** What is copied from a terminal to another has to be one word there. */
function shellWord(path: string): string {
  return /^[A-Za-z0-9_@:./=+,%][A-Za-z0-9_@:./=+,%-]*$/.test(path)
    ? path
    : `'${path.replaceAll("'", `'\\''`)}'`;
}
