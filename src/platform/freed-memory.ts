/** Twice this much that is free stays; DEFAULT_MMAP_THRESHOLD_MAX, 32 MiB on 64 bits, is the most that glibc learns from. */
const LEARNT_BYTES = (16 << 20) - (64 << 10);

/**
 * Makes glibc keep freed memory for what is allocated next. By its defaults it gives what is freed at
 * the end of its heap back to the system at once, and the system clears each page anew when it is
 * wanted again: a fifth of the CPU time of a transfer. It keeps up to twice the longest block of its own
 * mapping that it has seen freed (mallopt(3), M_MMAP_THRESHOLD): so it is shown one, whose pages are
 * never touched. Other allocators do not mind.
 */
export function keepFreedMemory(): void {
  new ArrayBuffer(LEARNT_BYTES).transfer(0);
}
