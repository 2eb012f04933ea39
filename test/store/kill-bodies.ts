import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { sampleBytes } from '../contract/store.js';

export type KillBody = 'small' | 'streamed' | 'pieces' | 'download';

const LENGTHS: Record<KillBody, number> = {
  small: 3_000,
  streamed: 150_000,
  pieces: 4 * PIECE_SIZE_BYTES + 1_000,
  download: 1_300_000,
};

/** The same bytes in the process that is killed and in the one that looks afterwards. */
export function killBody(kind: KillBody, id: string): Buffer {
  return sampleBytes(LENGTHS[kind], kind + id);
}
