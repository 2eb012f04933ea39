import type { Sha256 } from '../domain/digest.js';
import type { Store } from '../ports/store.js';

/** What was used lately, the longest ago first. */
export class RecentUse {
  readonly #used = new Set<Sha256>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  note(sha256: Sha256): void {
    this.#used.delete(sha256);
    this.#used.add(sha256);
    if (this.#used.size <= this.#limit) return;
    for (const oldest of this.#used) {
      this.#used.delete(oldest);
      break;
    }
  }

  has(sha256: Sha256): boolean {
    return this.#used.has(sha256);
  }

  oldestFirst(): Iterable<Sha256> {
    return this.#used;
  }
}

/** What a gateway leaves free of its disk: a part, and of a large one no more than so much. */
const SPARE_PART = 0.1;
const SPARE_BYTES = 2 ** 30;

interface Disk {
  heldBytes: number;
  freeBytes: number;
}

/** What may be written before no more of the disk is free than what is left so. */
export function roomOnDisk({ heldBytes, freeBytes }: Disk): number {
  const room = heldBytes + freeBytes;
  return freeBytes - Math.min(SPARE_BYTES, Math.ceil(room * SPARE_PART));
}

/** As much of a quota as the disk has room for: a full one would take no file any more. */
export function quotaOnDisk({ quotaBytes, ...disk }: Disk & { quotaBytes: number }): number {
  return Math.min(quotaBytes, disk.heldBytes + roomOnDisk(disk));
}

/**
 * Removes blobs that no bundle names until the rest takes no more than a quota: what nobody used since
 * this process began, then what was used longest ago.
 */
export async function keepQuota(
  store: Pick<Store, 'totals' | 'unreferenced' | 'remove'>,
  recent: RecentUse,
  quotaBytes: number,
): Promise<{ files: number; bytes: number }> {
  const removed = { files: 0, bytes: 0 };
  let excess = store.totals().bytes - quotaBytes;
  if (excess <= 0) return removed;
  const kept = new Map<Sha256, number>();
  const remove = async (sha256: Sha256, lengthBytes: number): Promise<void> => {
    await store.remove(sha256);
    removed.files += 1;
    removed.bytes += lengthBytes;
    excess -= lengthBytes;
  };
  for (const { sha256, lengthBytes } of store.unreferenced()) {
    if (excess <= 0) return removed;
    if (recent.has(sha256)) kept.set(sha256, lengthBytes);
    else await remove(sha256, lengthBytes);
  }
  for (const sha256 of [...recent.oldestFirst()]) {
    if (excess <= 0) return removed;
    const lengthBytes = kept.get(sha256);
    if (lengthBytes !== undefined) await remove(sha256, lengthBytes);
  }
  return removed;
}
