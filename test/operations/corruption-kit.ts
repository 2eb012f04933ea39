import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { XError } from '../../src/domain/errors.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { importBundle } from '../../src/operations/import-bundle.js';
import { verifyBundle, type VerifyResult } from '../../src/operations/verify-bundle.js';
import { encodeRequest, decodeRequest } from '../../src/trust/request-file.js';
import { checkMetadata } from '../../src/trust/check.js';
import { openStore } from '../../src/store/open-store.js';
import { identity, reader, seededRandom } from '../trust/sample.js';
import { heldView, Machine, NOW, proofServer } from './world.js';

/** A small, quick generator: the same numbers for the same seed. */
export interface Dice {
  below(count: number): number;
}

export function diceOf(seed: number): Dice {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return {
    below(count) {
      // xorshift32 (Marsaglia 2003)
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      state >>>= 0;
      return state % count;
    },
  };
}

/** One way to damage bytes; never the same bytes again. */
export function corrupted(original: Uint8Array, dice: Dice): { bytes: Buffer; how: string } {
  for (;;) {
    const { bytes, how } = damage(Buffer.from(original), dice);
    if (Buffer.compare(bytes, original) !== 0) return { bytes, how };
  }
}

function damage(bytes: Buffer, dice: Dice): { bytes: Buffer; how: string } {
  const at = dice.below(bytes.length);
  const length = 1 + dice.below(Math.min(4096, bytes.length));
  const to = dice.below(bytes.length);
  const block = Buffer.from(bytes.subarray(at, at + length));
  switch (dice.below(6)) {
    case 0:
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
      return { bytes, how: `bit at ${at}` };
    case 2:
      return { bytes: bytes.subarray(0, at), how: `cut at ${at}` };
    case 3: {
      const other = Buffer.from(bytes.subarray(to, to + block.length));
      other.copy(bytes, at);
      block.copy(bytes, to);
      return { bytes, how: `${length} bytes at ${at} and ${to} swapped` };
    }
    case 4:
      block.copy(bytes, to);
      return { bytes, how: `${length} bytes at ${at} again at ${to}` };
    default:
      bytes.fill(dice.below(256), at, Math.min(at + length, bytes.length));
      return { bytes, how: `${length} bytes at ${at} overwritten` };
  }
}

/** A range of a volume's bytes that signed content or its metadata takes. */
interface Meaning {
  start: number;
  end: number;
  name: string;
}

/** A bundle on volumes, and a machine that reads them. */
export class CorruptionWorld {
  readonly #volumes: { path: string; bytes: Buffer; meanings: Meaning[] }[] = [];
  readonly #signed = new Map<string, string>();

  private constructor(
    readonly source: Machine,
    readonly client: Machine,
    readonly dir: string,
  ) {}

  static async start(): Promise<CorruptionWorld> {
    const source = await Machine.start('source');
    const client = await Machine.start('client');
    await source.publish({ tiny: 10, small: 70_000, middle: 300_000, large: 1_200_000 });
    const world = new CorruptionWorld(source, client, join(source.dir, 'out'));
    await exportBundle(source, { bundle: 'demo', to: world.dir, volumeSizeBytes: 900_000 });
    const [record] = source.catalog.bundles();
    for (const { path, sha256 } of source.catalog.entries(record!.id)) {
      world.#signed.set(sha256, path);
    }
    for (const name of (await readdir(world.dir)).sort()) {
      const path = join(world.dir, name);
      const bytes = await readFile(path);
      world.#volumes.push({ path, bytes, meanings: await meaningsOf(source, path, bytes) });
    }
    assert.ok(world.#volumes.length >= 2, 'there are several volumes, and slices in them');
    return world;
  }

  async end(): Promise<void> {
    await this.client.end();
    await this.source.end();
  }

  /** Damages one volume: `x verify` says so where it matters, and an import serves nothing else than was signed. */
  async volume(dice: Dice, alsoImport: boolean): Promise<void> {
    const { path, bytes, meanings } = this.#volumes[dice.below(this.#volumes.length)]!;
    const bad = corrupted(bytes, dice);
    const what = `${basename(path)}: ${bad.how}`;
    await writeFile(path, bad.bytes);
    try {
      const touched = meanings.filter(
        ({ start, end }) => !bytes.subarray(start, end).equals(bad.bytes.subarray(start, end)),
      );
      const result = await verified(this.client, this.dir, what);
      if (touched.length > 0) this.#mustSay(result, path, touched, what);
      if (alsoImport) await this.#importDamaged(what);
    } finally {
      await writeFile(path, bytes);
    }
  }

  #mustSay(result: VerifyResult, path: string, touched: Meaning[], what: string): void {
    assert.ok(
      !result.ok,
      `${what}: not found, though it is in ${touched.map(({ name }) => name).join()}`,
    );
    const told = result.problems.filter(({ where, message }) =>
      `${where} ${message}`.includes(path),
    );
    assert.ok(told.length > 0, `${what}: the volume is not named`);
    const isOpened = told.some(({ where }) => where.startsWith(`${path}: `));
    const paths = touched.flatMap(({ name }) => {
      const path = this.#signed.get(/^(?:artifacts|slices)\/([0-9a-f]{64})/.exec(name)?.[1] ?? '');
      return path === undefined ? [] : [path];
    });
    // A volume whose directory or metadata is gone is named as a whole.
    if (!isOpened || touched.some(({ name }) => name.startsWith('metadata/'))) return;
    const text = JSON.stringify(told);
    for (const artifact of paths)
      assert.ok(text.includes(artifact), `${what}: ${artifact} in ${text}`);
  }

  async #importDamaged(what: string): Promise<void> {
    const client = await Machine.start('hurt');
    try {
      const trust = { did: this.source.identity.did };
      await onlyXErrors(what, () => importBundle(client, { paths: [this.dir], trust }));
      for (const [sha256, path] of this.#signed) {
        if (client.store.stat(sha256) === undefined) continue;
        const bytes = await client.store.read(sha256, 1 << 30);
        assert.equal(hashOf(bytes), sha256, `${what}: ${path} would be served`);
      }
    } finally {
      await client.end();
    }
  }

  /** Damages one metadata file: it is refused, or says what was signed. */
  async metadata(dice: Dice): Promise<void> {
    const [record] = this.source.catalog.bundles();
    const files = new Map(this.source.catalog.metadata(record!.id));
    const names = [...files.keys()].sort();
    const name = names[dice.below(names.length)]!;
    const bad = corrupted(files.get(name)!, dice);
    files.set(name, bad.bytes);
    const request = {
      bundle: 'demo',
      source: this.source.identity.did,
      files: reader(files),
      now: NOW,
    };
    const checked = await onlyXErrors(`${name}: ${bad.how}`, () => checkMetadata(request));
    if (checked === undefined || checked.outcome === 'older') return;
    const entries = [...this.source.catalog.entries(record!.id)];
    const signed = entries.map(({ path, sha256 }) => `${path} ${sha256}`).sort();
    const said = checked.manifest.entries.map(({ path, sha256 }) => `${path} ${sha256}`).sort();
    assert.deepEqual(said, signed, `${name}: ${bad.how}`);
  }

  /** Damages a request: it is refused, whatever was touched. */
  async request(dice: Dice): Promise<void> {
    const ship = identity('ship');
    const bytes = encodeRequest(
      {
        createdAt: '2026-11-01T10:00:00Z',
        target: 'linux/arm64/glibc2.36,python=3.11',
        sections: {},
        bundles: [{ name: 'demo', source: this.source.identity.did, version: 1 }],
        held: [...this.#signed.keys()],
        wishes: [{ ecosystem: 'npm', name: 'wanted' }],
        salt: seededRandom('salt').bytes(16),
      },
      ship,
    );
    const bad = corrupted(bytes, dice);
    const request = await onlyXErrors(bad.how, () =>
      Promise.resolve(decodeRequest(bad.bytes, 'me.xreq')),
    );
    assert.equal(request, undefined, `a request with ${bad.how} was taken`);
  }

  /** Damages the catalog of a machine that holds everything: what it still serves is what was signed. */
  async catalog(dice: Dice): Promise<void> {
    const folder = join(this.source.dir, 'hurt-data');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    await cp(await this.#settled(), folder, { recursive: true });
    const path = join(folder, 'catalog.sqlite');
    const bad = corrupted(await readFile(path), dice);
    await writeFile(path, bad.bytes);
    await onlyXErrors(`catalog: ${bad.how}`, async () => {
      const { store, catalog, close } = await openStore({ folder });
      try {
        for (const { id } of catalog.bundles()) {
          for (const { sha256, path: entry } of catalog.entries(id)) {
            if (store.stat(sha256) === undefined) continue;
            const bytes = await store.read(sha256, 1 << 30);
            assert.equal(hashOf(bytes), sha256, `catalog: ${bad.how}: ${entry} would be served`);
          }
        }
      } finally {
        await close();
      }
    });
  }

  #folder: string | undefined;

  /** The source's data folder with everything in its main file. */
  async #settled(): Promise<string> {
    if (this.#folder !== undefined) return this.#folder;
    await this.source.close();
    this.#folder = join(this.source.dir, 'settled');
    await cp(join(this.source.dir, 'data'), this.#folder, { recursive: true });
    await this.source.open();
    return this.#folder;
  }
}

async function meaningsOf(machine: Machine, path: string, bytes: Buffer): Promise<Meaning[]> {
  const volume = await machine.reader.open(path);
  try {
    const meanings: Meaning[] = [];
    for (const { name } of volume.entries.values()) {
      if (!/^(?:metadata|artifacts|slices|trees)\//.test(name)) continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of volume.read(name)) chunks.push(Buffer.from(chunk));
      const content = Buffer.concat(chunks);
      const start = bytes.indexOf(content, bytes.indexOf(name));
      assert.ok(start > 0);
      meanings.push({ start, end: start + content.length, name });
    }
    return meanings;
  } finally {
    await volume.close();
  }
}

async function verified(machine: Machine, dir: string, what: string): Promise<VerifyResult> {
  const { store, catalog, clock, report } = machine;
  const deps = { store, catalog, clock, report, reader: machine.reader, servers: [proofServer] };
  const result = await onlyXErrors(what, () =>
    verifyBundle({ ...deps, view: heldView(machine) }, { what: { paths: [dir] } }),
  );
  assert.ok(result, `${what}: x verify has a verdict`);
  return result;
}

/** What a work answers; undefined where it fails as a user may meet it. Anything else is a crash. */
async function onlyXErrors<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof XError) return undefined;
    throw new Error(`${what}: crashed`, { cause: error });
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
