/** Randomness, passed in. */
export interface Random {
  bytes(length: number): Uint8Array;
  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number;
}
