import type { Sha256 } from '../domain/digest.js';
import { PieceFrame } from './messages.pb.js';
import { wireBytes } from './wire-bytes.js';

export type FrameFields = Partial<Omit<PieceFrame, 'manifest' | 'answer'>>;

/** A frame without pieces. */
export function encodeFields(manifest: Sha256, fields: FrameFields): Uint8Array {
  return PieceFrame.encode({
    manifest: wireBytes(Buffer.from(manifest, 'hex')),
    bye: false,
    ...fields,
  });
}
