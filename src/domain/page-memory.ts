/** Node has it; its types do not say so. */
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum?: number; shared?: boolean }) => {
    buffer: ArrayBufferLike;
  };
};

/** WebAssembly counts memory in these. */
const WASM_PAGE_BYTES = 64 << 10;

/**
 * Blocks that begin at a page of memory, as reading and writing past the page cache asks for. Node says
 * nothing of where a buffer lies; the memory of a WebAssembly module begins at a page. Shared ones can be
 * read by other threads as they are.
 * @param blockBytes a multiple of a page. @throws RangeError where the system has no room for them.
 */
export function blocksAtPages(
  count: number,
  blockBytes: number,
  { shared }: { shared: boolean },
): Uint8Array[] {
  const initial = Math.ceil((count * blockBytes) / WASM_PAGE_BYTES);
  const { buffer } = new WebAssembly.Memory(
    shared ? { initial, maximum: initial, shared } : { initial },
  );
  return Array.from(
    { length: count },
    (_, at) => new Uint8Array(buffer, at * blockBytes, blockBytes),
  );
}
