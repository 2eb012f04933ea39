import type { Sha256 } from '../domain/digest.js';
import { encodeFields } from './encode-fields.js';
import { encodeRuns } from './runs.js';

/** Numbers in one Change: half as many runs. */
const CHANGE_NUMBERS = 4_096;

interface Change {
  gained: readonly number[];
  lost: readonly number[];
}

/** Frames of what was gained, by the very list: it is told to all peers, and mostly in the same words. */
const frames = new WeakMap<readonly number[], { manifest: Sha256; frame: Uint8Array }>();

/** What is to be told to one peer of what is held here; what waits is told together. */
export class ToldChanges {
  readonly #waiting = new Map<Sha256, Change>();

  /** The lists are kept, and not changed. */
  add(manifest: Sha256, gained: readonly number[], lost: readonly number[]): void {
    const waiting = this.#waiting.get(manifest);
    this.#waiting.set(
      manifest,
      waiting === undefined ? { gained, lost } : after(waiting, gained, lost),
    );
  }

  /** The frames that say it; nothing waits after that. */
  take(): Uint8Array[] {
    if (this.#waiting.size === 0) return [];
    const taken = [...this.#waiting].flatMap(([manifest, change]) => framesOf(manifest, change));
    this.#waiting.clear();
    return taken;
  }

  clear(): void {
    this.#waiting.clear();
  }
}

/** In order: a leaf that was gained and lost since the last frame is lost, and the other way round. */
function after(waiting: Change, gained: readonly number[], lost: readonly number[]): Change {
  const gone = new Set(lost);
  const here = new Set(gained);
  return {
    gained: [...waiting.gained.filter((leaf) => !gone.has(leaf)), ...gained],
    lost: [...waiting.lost.filter((leaf) => !here.has(leaf)), ...lost],
  };
}

function framesOf(manifest: Sha256, { gained, lost }: Change): Uint8Array[] {
  const known = lost.length === 0 ? frames.get(gained) : undefined;
  if (known?.manifest === manifest) return [known.frame];
  const gainedRuns = encodeRuns(gained);
  const lostRuns = encodeRuns(lost);
  if (gainedRuns.length <= CHANGE_NUMBERS && lostRuns.length <= CHANGE_NUMBERS) {
    const frame = encodeFields(manifest, { change: { gained: gainedRuns, lost: lostRuns } });
    if (lost.length === 0) frames.set(gained, { manifest, frame });
    return [frame];
  }
  const parts: Uint8Array[] = [];
  for (let at = 0; at < Math.max(gained.length, lost.length); at += CHANGE_NUMBERS / 2) {
    const part = (leaves: readonly number[]): number[] =>
      encodeRuns(leaves.slice(at, at + CHANGE_NUMBERS / 2));
    parts.push(encodeFields(manifest, { change: { gained: part(gained), lost: part(lost) } }));
  }
  return parts;
}
