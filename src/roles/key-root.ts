import { readFile } from 'node:fs/promises';
import type { Settings } from '../config/settings.js';
import type { Did } from '../domain/bundle.js';
import { messageOf, XError } from '../domain/errors.js';
import {
  applyRoot,
  isInForce,
  asked,
  listRoots,
  proposeRoots,
  type ChangeRootDeps,
} from '../operations/change-root.js';
import { systemClock } from '../platform/clock.js';
import { acquireLock } from '../platform/lock.js';
import { isDid } from '../trust/did.js';
import { lackingSignatures, signRoot, type RootChange } from '../trust/root-change.js';
import { formatRootRequest, parseRootRequest } from '../trust/root-request.js';
import { isYes } from './ask.js';
import type { KeyInput } from './key.js';
import { openData, type DataFolder } from './open-data.js';
import {
  openIdentity,
  openNextSigner,
  openSigner,
  openWaitingSigner,
  promoteNextSigner,
} from './open-keys.js';
import type { Printer } from './printer.js';
import { writeDocument } from './sbom.js';

export interface KeyRootInput extends KeyInput {
  bundle: string | undefined;
  /** DIDs, or files that hold one. */
  add: readonly string[];
  remove: readonly string[];
  threshold: number | undefined;
  /** The key that signs day by day is to be a new one. */
  rotate: boolean;
  /** A next root although nothing but its expiry changes. */
  renew: boolean;
  output: string | undefined;
}

/** `x key root`: who holds the roots, or the next roots with other holders. */
export async function runKeyRoot(input: KeyRootInput): Promise<void> {
  const { printer, bundle, threshold } = input;
  const add = await didsOf(input.add);
  const remove = await didsOf(input.remove);
  const isQuestion =
    [...add, ...remove].length === 0 && threshold === undefined && !input.rotate && !input.renew;
  await withBundles(input, async (data) => {
    if (isQuestion) return showRoots(printer, data, bundle);
    const next = input.rotate ? await openNextSigner(input.settings.folder) : undefined;
    const deps = await depsOf(data, input.settings.folder);
    const wish = { bundle, add, remove, threshold, online: next?.did };
    const changes = proposeRoots(deps, wish);
    if (changes.length === 0) {
      throw new XError('BUNDLE_NOT_FOUND', 'this machine is the source of no bundle yet', {
        hint: 'Sign one with `x source -r FILE --once`, then run this again.',
      });
    }
    if (changes.every((change) => lackingSignatures(change) === 0)) {
      await apply(printer, deps, changes, input.settings.folder);
      return;
    }
    const output = input.output ?? 'root-request.json';
    await writeDocument(output, formatRootRequest(changes));
    printer.document({ output, roots: changes.map(changeView) }, [
      ...changes.flatMap(changeLines),
      `written: ${output}`,
      `Carry it to the machines that are asked: \`x key sign ${output}\` there, then \`x key apply ${output}\` here.`,
    ]);
  });
}

/** `x key sign`: this machine's signature under roots that others propose. */
export async function runKeySign(
  input: KeyInput & { file: string; output: string | undefined; yes: boolean },
): Promise<void> {
  const { printer, settings, file } = input;
  const changes = parseRootRequest(await readText(file), file);
  const identity = await openIdentity(settings.folder);
  const mine = changes.filter((change) => asked(change).includes(identity.did));
  if (mine.length === 0) {
    const isSigned = changes.some(({ signedBy }) => signedBy.includes(identity.did));
    throw new XError(
      'USAGE',
      isSigned
        ? `${file} is signed by this machine already`
        : `${file} does not ask for this machine’s key ${identity.did}`,
      {
        hint: isSigned
          ? `Carry it on, or back: \`x key apply ${file}\` on the source.`
          : 'Sign on the machines whose keys it lists, or have it made anew with this one.',
      },
    );
  }
  for (const line of mine.flatMap(changeLines)) printer.report({ event: 'step', text: line });
  await confirm(input.yes);
  const signed = changes.map((change) =>
    mine.includes(change) ? { ...change, bytes: signRoot(change.bytes, identity) } : change,
  );
  const output = input.output ?? file;
  const text = formatRootRequest(signed);
  await writeDocument(output, text);
  const after = parseRootRequest(text, output);
  printer.document({ output, signer: identity.did, roots: after.map(changeView) }, [
    `signed by ${identity.did}: ${output}`,
    ...after.map((one) => `  ${one.bundle}: ${lackingText(one)}`),
  ]);
}

/** `x key apply`: roots that have their signatures become the newest. */
export async function runKeyApply(input: KeyInput & { file: string }): Promise<void> {
  const changes = parseRootRequest(await readText(input.file), input.file);
  await withBundles(input, async (data) => {
    const deps = await depsOf(data, input.settings.folder);
    await apply(input.printer, deps, changes, input.settings.folder);
  });
}

async function apply(
  printer: Printer,
  deps: ChangeRootDeps,
  changes: readonly RootChange[],
  folder: string,
): Promise<void> {
  const waiting = changes.filter((change) => !isInForce(deps, change));
  const applied = waiting.map(({ bytes }) => applyRoot(deps, bytes));
  const current = await openSigner(folder);
  const isHandedOver = listRoots(deps, undefined).every(({ online }) => online !== current.did);
  if (isHandedOver && (await openWaitingSigner(folder)) !== undefined)
    await promoteNextSigner(folder);
  const bundles = applied.map(({ name, version }) => ({ name, version }));
  printer.document({ bundles, roots: changes.map(changeView) }, [
    ...changes.flatMap(changeLines),
    ...bundles.map(({ name, version }) => `applied: ${name}, version ${version}`),
    ...changes
      .filter((change) => !waiting.includes(change))
      .map(({ bundle, version }) => `in force already: root ${version} of "${bundle}"`),
    'Serve or export them, so that clients learn of it.',
  ]);
}

function showRoots(printer: Printer, { catalog }: DataFolder, bundle: string | undefined): void {
  const roots = listRoots({ catalog }, bundle).map(({ record, role, online, expires }) => {
    return { bundle: record.name, ...role, online, expires };
  });
  const lines = roots.flatMap(({ bundle: name, keys, threshold, online, expires }) => [
    `${name}: ${threshold} of ${keys.length} keys sign a root; it expires ${expires}`,
    ...keys.map((did) => `  ${did}`),
    `  signed day by day by ${online ?? 'a key of another kind'}`,
  ]);
  const none = 'This machine is the source of no bundle yet.';
  printer.document({ roots }, lines.length === 0 ? [none] : lines);
}

function changeView(change: RootChange) {
  const { bundle, source, version, before, after, online, signedBy } = change;
  const lacking = lackingSignatures(change);
  return { bundle, source, version, before, after, online, signedBy, lacking };
}

function changeLines(change: RootChange): string[] {
  const { bundle, source, version, before, after, online } = change;
  const mark = (did: Did): string =>
    !before.keys.includes(did) ? '+' : after.keys.includes(did) ? ' ' : '-';
  const all = [...new Set([...before.keys, ...after.keys])];
  return [
    `root ${version} of "${bundle}" of ${source}: ${after.threshold} of ${after.keys.length} keys (before: ${before.threshold} of ${before.keys.length})`,
    ...all.map(
      (did) => `${mark(did)} ${did}${change.signedBy.includes(did) ? ', has signed' : ''}`,
    ),
    `  signed day by day by ${online}`,
    `  ${lackingText(change)}`,
  ];
}

function lackingText(change: RootChange): string {
  const lacking = lackingSignatures(change);
  return lacking === 0
    ? 'all signatures are there'
    : `${lacking} more ${lacking === 1 ? 'signature is' : 'signatures are'} needed`;
}

async function depsOf({ catalog }: DataFolder, folder: string): Promise<ChangeRootDeps> {
  const identity = await openIdentity(folder);
  const waiting = await openWaitingSigner(folder);
  const signers = [identity, await openSigner(folder), ...(waiting === undefined ? [] : [waiting])];
  return { catalog, clock: systemClock, identity, signers };
}

async function withBundles(
  { settings, printer }: { settings: Settings & { folder: string }; printer: Printer },
  work: (data: DataFolder) => Promise<void> | void,
): Promise<void> {
  const lock = await acquireLock(settings.folder, 'key');
  try {
    const data = await openData(settings.folder, (message) =>
      printer.report({ event: 'warning', message }),
    );
    try {
      await work(data);
    } finally {
      await data.close();
    }
  } finally {
    lock.release();
  }
}

async function didsOf(words: readonly string[]): Promise<Did[]> {
  const dids: Did[] = [];
  for (const word of words) {
    const text = isDid(word) ? word : (await readText(word)).trim();
    if (!isDid(text)) {
      throw new XError('USAGE', `${word} is no DID and holds none`, {
        hint: 'Give what `x key` prints on that machine, or a file with it.',
      });
    }
    dids.push(text);
  }
  return dids;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new XError('INPUT_NOT_FOUND', `${path}: ${messageOf(cause)}`, { cause });
  }
}

async function confirm(yes: boolean): Promise<void> {
  if (yes) return;
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY;
  if (isTerminal && (await isYes('Sign this? [y/N] '))) return;
  throw new XError('USAGE', 'nothing is signed without a yes', {
    hint: 'Read what it changes, then run it again with --yes.',
  });
}
