/** CRC-32 as zip has it, its bits reversed: bit 31 is x^0. */
const POLYNOMIAL = 0xedb8_8320;
const ONE = 0x8000_0000;

/** The product of two polynomials over GF(2), modulo the CRC's. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor;
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** x to the power of 8, 16, 32…: what shifts a checksum by 1, 2, 4… bytes. */
const SHIFTS: number[] = [];
for (let n = 0, shift = ONE >>> 8; n < 53; n += 1) {
  SHIFTS.push(shift);
  shift = multiply(shift, shift);
}

/**
 * The checksum of two runs of bytes, one after the other, from those of each: bytes that are part of
 * two runs are gone through once.
 */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  let crc = first;
  let left = secondBytes;
  for (let n = 0; left > 0; n += 1) {
    if (left % 2 === 1) crc = multiply(SHIFTS[n] as number, crc);
    left = Math.floor(left / 2);
  }
  return (crc ^ second) >>> 0;
}
