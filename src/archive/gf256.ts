/** Arithmetic of the field of 256 elements that Reed-Solomon codes use, modulo x^8+x^4+x^3+x^2+1. */

const POLYNOMIAL = 0x11d;
const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let i = 0, value = 1; i < 255; i += 1) {
  EXP[i] = value;
  EXP[i + 255] = value;
  LOG[value] = i;
  value <<= 1;
  if (value > 255) value ^= POLYNOMIAL;
}

function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return EXP[(LOG[a] as number) + (LOG[b] as number)] as number;
}

/** `into` += `factor` times `run`, byte by byte. */
function addProduct(into: Uint8Array, run: Uint8Array, factor: number): void {
  if (factor === 0) return;
  const products = Uint8Array.from({ length: 256 }, (_, value) => multiply(value, factor));
  for (let at = 0; at < into.length; at += 1) {
    into[at] = (into[at] as number) ^ (products[run[at] as number] as number);
  }
}

/** The inverse of a small square matrix (Gauss-Jordan); undefined where it has none. */
export function inverse(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const size = matrix.length;
  const rows = matrix.map((row, at) => [
    ...row,
    ...Array.from({ length: size }, (_, column) => (column === at ? 1 : 0)),
  ]);
  for (let column = 0; column < size; column += 1) {
    const pivot = rows.findIndex((row, at) => at >= column && row[column] !== 0);
    if (pivot < 0) return undefined;
    [rows[column], rows[pivot]] = [rows[pivot] as number[], rows[column] as number[]];
    const own = rows[column] as number[];
    const scale = EXP[255 - (LOG[own[column] as number] as number)] as number;
    own.forEach((value, at) => (own[at] = multiply(value, scale)));
    for (const [at, row] of rows.entries()) {
      const factor = row[column] as number;
      if (at === column || factor === 0) continue;
      row.forEach((value, i) => (row[i] = value ^ multiply(own[i] as number, factor)));
    }
  }
  return rows.map((row) => row.slice(size));
}

/** Runs of bytes as a vector, times a matrix. */
export function product(
  matrix: readonly (readonly number[])[],
  runs: readonly Uint8Array[],
): Uint8Array[] {
  return matrix.map((row) => {
    const sum = new Uint8Array(runs[0]?.length ?? 0);
    row.forEach((factor, at) => addProduct(sum, runs[at] as Uint8Array, factor));
    return sum;
  });
}

/** `into` += `run`. */
export function add(into: Uint8Array, run: Uint8Array): void {
  for (let at = 0; at < into.length; at += 1) into[at] = (into[at] as number) ^ (run[at] as number);
}
