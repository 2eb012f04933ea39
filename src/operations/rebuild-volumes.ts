import { basename, join } from 'node:path';
import { sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { Report } from '../ports/progress.js';
import {
  CHECKED_BYTES,
  type ErasureCode,
  type Medium,
  type OpenVolume,
  type RawVolume,
  type VolumeReader,
} from '../ports/volume.js';
import { padded, readParitySet, type ParitySet, type ProtectedVolume } from './parity.js';
import { PARITY_DATA_NAME } from './volume-layout.js';

export interface RebuildDeps {
  reader: VolumeReader;
  erasureCode: () => ErasureCode;
  medium: Pick<Medium, 'writeFile'>;
  report: Report;
}

export interface RebuildResult {
  /** Volumes that were lost or torn, and are whole again. */
  rebuilt: { name: string; path: string }[];
  /** Volumes that too much is lost of. */
  lost: string[];
}

/** One volume of a set, as far as it is there. */
interface Found {
  volume: ProtectedVolume;
  raw: RawVolume | undefined;
  /** Whether each run of it is what it was. */
  sound: boolean[];
}

/**
 * Rebuilds what parity volumes can: volumes that are not there, and those with bytes that are not
 * what they were. Nothing a parity volume says is trusted: a rebuilt volume is one like any other,
 * and is checked against what is signed when it is read.
 * @throws XError INPUT_NOT_FOUND, DISK_FULL, IO_FAILED.
 */
export async function rebuildVolumes(
  deps: RebuildDeps,
  request: { paths: readonly string[]; to: string; signal?: AbortSignal | undefined },
): Promise<RebuildResult> {
  const files: string[] = [];
  for (const path of request.paths) files.push(...(await deps.reader.list(path)));
  const result: RebuildResult = { rebuilt: [], lost: [] };
  const open: OpenVolume[] = [];
  try {
    for (const members of (await paritySets(deps.reader, files, open)).values()) {
      await new Rebuild(deps, request, files, members, result).run();
    }
  } finally {
    for (const volume of open) await volume.close();
  }
  return result;
}

interface Member {
  set: ParitySet;
  volume: OpenVolume;
}

/** Parity volumes by the set that they belong to. */
async function paritySets(
  reader: VolumeReader,
  files: readonly string[],
  open: OpenVolume[],
): Promise<Map<string, Member[]>> {
  const sets = new Map<string, Member[]>();
  for (const path of files) {
    let volume: OpenVolume;
    try {
      volume = await reader.open(path);
    } catch (thrown) {
      if (thrown instanceof XError) continue;
      throw thrown;
    }
    const set = await readParitySet(volume).catch(() => undefined);
    if (set === undefined) {
      await volume.close();
      continue;
    }
    open.push(volume);
    const { parity, volumes } = set;
    const key = sha256(JSON.stringify({ parity, volumes }));
    const members = sets.get(key) ?? [];
    if (!members.some((one) => one.set.index === set.index)) members.push({ set, volume });
    sets.set(key, members);
  }
  return sets;
}

class Rebuild {
  readonly #set: ParitySet;
  #found: Found[] = [];
  #code: ErasureCode | undefined;

  constructor(
    readonly deps: RebuildDeps,
    readonly request: { to: string; signal?: AbortSignal | undefined },
    readonly files: readonly string[],
    readonly members: readonly Member[],
    readonly result: RebuildResult,
  ) {
    this.#set = (members[0] as Member).set;
  }

  async run(): Promise<void> {
    try {
      for (const volume of this.#set.volumes) this.#found.push(await this.#find(volume));
      for (const found of this.#found) {
        if (found.sound.every((sound) => sound)) continue;
        await this.#rebuild(found);
      }
    } finally {
      for (const { raw } of this.#found) await raw?.close();
      await this.#code?.close();
    }
  }

  /** The file under the volume's name, or one that was renamed: its first run tells. */
  async #find(volume: ProtectedVolume): Promise<Found> {
    const named = this.files.filter((path) => basename(path) === volume.name);
    for (const path of [...named, ...this.files.filter((one) => !named.includes(one))]) {
      const raw = await this.deps.reader.openRaw(path).catch(() => undefined);
      if (raw === undefined) continue;
      const isCandidate =
        named.includes(path) || sha256(await raw.read(0, runEnd(volume, 0))) === volume.checks[0];
      const sound = isCandidate ? await this.#soundRuns(volume, raw) : [];
      if (sound.some((one) => one)) return { volume, raw, sound };
      await raw.close();
    }
    return { volume, raw: undefined, sound: volume.checks.map(() => false) };
  }

  async #soundRuns(volume: ProtectedVolume, raw: RawVolume): Promise<boolean[]> {
    const sound: boolean[] = [];
    for (const [run, check] of volume.checks.entries()) {
      this.request.signal?.throwIfAborted();
      sound.push(sha256(await raw.read(run * CHECKED_BYTES, runEnd(volume, run))) === check);
    }
    // Bytes beyond its end make it another file: it is written again.
    if (raw.sizeBytes !== volume.lengthBytes) sound.push(false);
    return sound;
  }

  async #rebuild({ volume, raw }: Found): Promise<void> {
    const path = join(this.request.to, volume.name);
    // Each run of it needs a run of parity for every volume that is gone: the first one has too few.
    const gone = this.#found.filter((one) => one.raw === undefined).length;
    if (raw === undefined && gone > this.members.length) {
      this.result.lost.push(volume.name);
      return;
    }
    this.deps.report({ event: 'step', text: `Rebuilding ${volume.name}` });
    try {
      await this.deps.medium.writeFile(path, this.#runs(volume));
      this.result.rebuilt.push({ name: volume.name, path });
    } catch (thrown) {
      if (!(thrown instanceof XError) || thrown.code !== 'INCOMPLETE') throw thrown;
      this.result.lost.push(volume.name);
    }
  }

  async *#runs(volume: ProtectedVolume): AsyncGenerator<Uint8Array> {
    const at = this.#set.volumes.findIndex(({ name }) => name === volume.name);
    for (let run = 0; run < volume.checks.length; run += 1) {
      this.request.signal?.throwIfAborted();
      const length = runEnd(volume, run) - run * CHECKED_BYTES;
      const found = this.#found[at] as Found;
      const bytes = found.sound[run] === true ? await this.#dataRun(found, run) : undefined;
      yield bytes?.subarray(0, length) ?? (await this.#solve(at, run, length));
    }
  }

  /** A lost run, from what is left of its neighbours and each choice of parity, until one is right. */
  async #solve(at: number, run: number, length: number): Promise<Uint8Array> {
    const data = await Promise.all(this.#found.map((found) => this.#dataRun(found, run)));
    const missing = data.filter((one) => one === undefined).length;
    const check = this.#set.volumes[at]?.checks[run];
    const parity: { index: number; bytes: Uint8Array }[] = [];
    for (const { set, volume } of this.members) {
      const bytes = await parityRun(volume, run);
      if (bytes !== undefined) parity.push({ index: set.index, bytes });
    }
    for (const chosen of choices(parity, missing)) {
      const all = Array.from({ length: this.#set.parity }, (_, index) => {
        return chosen.find((one) => one.index === index)?.bytes;
      });
      this.#code ??= this.deps.erasureCode();
      const solved = await this.#code.rebuild([...data, ...all], this.#set.parity);
      const bytes = solved?.[at]?.subarray(0, length);
      if (bytes !== undefined && sha256(bytes) === check) return bytes;
    }
    throw new XError('INCOMPLETE', `too much is lost of ${this.#set.volumes[at]?.name ?? ''}`);
  }

  /** A run of a volume, filled up; undefined where it is lost. */
  async #dataRun({ volume, raw, sound }: Found, run: number): Promise<Uint8Array | undefined> {
    if (run >= volume.checks.length) return padded(new Uint8Array());
    if (raw === undefined || sound[run] !== true) return undefined;
    const bytes = await raw.read(run * CHECKED_BYTES, runEnd(volume, run));
    return sha256(bytes) === volume.checks[run] ? padded(bytes) : undefined;
  }
}

async function parityRun(volume: OpenVolume, run: number): Promise<Uint8Array | undefined> {
  const range = { start: run * CHECKED_BYTES, end: (run + 1) * CHECKED_BYTES };
  try {
    const bytes = Buffer.allocUnsafe(CHECKED_BYTES);
    let at = 0;
    for await (const chunk of volume.read(PARITY_DATA_NAME, range)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return at === CHECKED_BYTES ? bytes : undefined;
  } catch (thrown) {
    if (thrown instanceof XError) return undefined;
    throw thrown;
  }
}

/** Every way to take `count` of a few things, in order. */
function* choices<T>(things: readonly T[], count: number): Generator<T[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (let at = 0; at + count <= things.length; at += 1) {
    for (const rest of choices(things.slice(at + 1), count - 1)) yield [things[at] as T, ...rest];
  }
}

function runEnd({ lengthBytes }: ProtectedVolume, run: number): number {
  return Math.min((run + 1) * CHECKED_BYTES, lengthBytes);
}
