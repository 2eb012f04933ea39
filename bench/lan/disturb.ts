import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import type { Disturbable } from './trial.js';

const LOOK_EVERY_MS = 250;
const PIECE_BYTES = 256 << 10;

/** Kills two clients when they have a third and a half of the content, and starts them again after 2 s. */
export async function restartTwo(trial: Disturbable): Promise<void> {
  await Promise.all(
    [
      { host: 2, share: 1 / 3 },
      { host: 5, share: 1 / 2 },
    ].map(async ({ host, share }) => {
      await untilShare(trial, host, share);
      await trial.kill(host);
      await sleep(2_000, undefined, { signal: trial.signal });
      await trial.restart(host);
    }),
  );
}

/** Kills a lone client in the middle and starts it again at once. */
export async function restartInTheMiddle(trial: Disturbable): Promise<void> {
  await untilShare(trial, 1, 1 / 2);
  await trial.kill(1);
  await trial.restart(1);
}

/** Kills the source as soon as its clients together hold every piece on disk. */
export async function killSourceWhenOut(trial: Disturbable): Promise<void> {
  const folders = trial.clients.map((host) => join(trial.folder, `x-${host}`));
  while (!holdAllTogether(folders)) await sleep(LOOK_EVERY_MS, undefined, { signal: trial.signal });
  trial.note(
    `source killed at ${((await trial.sourceSentBytes()) / trial.contentBytes).toFixed(2)} copies sent`,
  );
  await trial.killSource();
}

async function untilShare(trial: Disturbable, host: number, share: number): Promise<void> {
  while (trial.share(host) < share) await sleep(20, undefined, { signal: trial.signal });
}

/** Reads what the clients' catalogs say; a look from outside that asks nothing of them. */
function holdAllTogether(folders: readonly string[]): boolean {
  let entries: { sha256: Buffer; length: number }[] = [];
  const whole = new Set<string>();
  const pieces = new Map<string, Uint8Array>();
  for (const folder of folders) {
    const catalog = openCatalog(folder);
    if (catalog === undefined) continue;
    try {
      if (Number(catalog.pragma('user_version', { simple: true })) === 0) continue;
      entries = catalog
        .prepare<[], { sha256: Buffer; length: number }>('SELECT sha256, length FROM entries')
        .all();
      for (const { sha256 } of catalog
        .prepare<[], { sha256: Buffer }>('SELECT sha256 FROM blobs')
        .all())
        whole.add(sha256.toString('hex'));
      const partials = catalog
        .prepare<[], { sha256: Buffer; held: Buffer }>('SELECT sha256, held FROM partials')
        .all();
      for (const { sha256, held } of partials) unite(pieces, sha256.toString('hex'), held);
    } finally {
      catalog.close();
    }
  }
  return (
    entries.length > 0 &&
    entries.every(({ sha256, length }) => {
      const name = sha256.toString('hex');
      if (whole.has(name)) return true;
      return countOf(pieces.get(name)) === Math.ceil(length / PIECE_BYTES);
    })
  );
}

function openCatalog(folder: string): Database.Database | undefined {
  try {
    return new Database(join(folder, 'catalog.sqlite'), { readonly: true, fileMustExist: true });
  } catch {
    // Not made yet.
    return undefined;
  }
}

function unite(pieces: Map<string, Uint8Array>, name: string, held: Uint8Array): void {
  const known = pieces.get(name) ?? new Uint8Array(held.length);
  pieces.set(name, known);
  held.forEach((byte, at) => (known[at] = (known[at] ?? 0) | byte));
}

function countOf(held: Uint8Array | undefined): number {
  let count = 0;
  for (const byte of held ?? []) for (let bit = 0; bit < 8; bit += 1) count += (byte >> bit) & 1;
  return count;
}
