/**
 * Leaf numbers as the wire has them: pairs of the distance from the end of the run before, and the
 * count. Leaves are sorted first.
 */
export function encodeRuns(leaves: readonly number[]): number[] {
  const runs: number[] = [];
  let end = 0;
  for (const leaf of [...leaves].sort((a, b) => a - b)) {
    const last = runs.length - 1;
    if (last > 0 && leaf === end) runs[last] = (runs[last] ?? 0) + 1;
    else if (leaf >= end) runs.push(leaf - end, 1);
    else continue;
    end = leaf + 1;
  }
  return runs;
}

/** The leaves of some runs, or undefined where they are malformed, past `leafCount`, or over `limit`. */
export function decodeRuns(
  runs: readonly number[],
  leafCount: number,
  limit: number,
): number[] | undefined {
  if (runs.length % 2 !== 0) return undefined;
  const leaves: number[] = [];
  let end = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const first = end + (runs[i] ?? 0);
    const count = runs[i + 1] ?? 0;
    end = first + count;
    if (count === 0 || end > leafCount || leaves.length + count > limit) return undefined;
    for (let leaf = first; leaf < end; leaf++) leaves.push(leaf);
  }
  return leaves;
}
