/**
 * Bytes for an encoder, which wants them in an ArrayBuffer. Nothing in this project uses shared
 * memory, so every Uint8Array is one already; this only tells the compiler.
 */
export function wireBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.buffer instanceof ArrayBuffer) return bytes as Uint8Array<ArrayBuffer>;
  return Uint8Array.from(bytes);
}
