import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import type { ErasureCode } from '../ports/volume.js';
import type { ErasureAnswer, ErasureTask } from './erasure-worker.js';
import { add, inverse, product } from './gf256.js';

/**
 * Reed-Solomon in a worker of its own: it takes whole seconds of a processor. The library's own
 * `reconstruct` (0.2.5) refuses every case in which the first run is there, so lost runs are solved
 * for here, from what its `encode` makes of those that are left.
 */
export class WorkerErasureCode implements ErasureCode {
  readonly #worker = new Worker(new URL('./erasure-worker.js', import.meta.url));
  readonly #waiting = new Map<
    number,
    { resolve: (answer: ErasureAnswer) => void; reject: (reason: Error) => void }
  >();
  /** The parity's coefficients, by numbers of runs. */
  readonly #coefficients = new Map<string, number[][]>();
  #next = 0;

  constructor() {
    this.#worker.on('message', (answer: ErasureAnswer) => {
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
    });
    this.#worker.on('error', (error) => {
      const reason = error instanceof Error ? error : new Error(String(error));
      for (const { reject } of this.#waiting.values()) reject(reason);
      this.#waiting.clear();
    });
  }

  async encode(data: readonly Uint8Array[], parity: number): Promise<Uint8Array[]> {
    const runBytes = data[0]?.length ?? 0;
    const shards = new Uint8Array((data.length + parity) * runBytes);
    data.forEach((run, at) => shards.set(run, at * runBytes));
    const answer = await this.#ask({ shards, data: data.length, parity });
    assert.equal(answer.result, 0, 'runs of equal length, at least one, and some parity');
    return Array.from({ length: parity }, (_, at) => {
      const start = (data.length + at) * runBytes;
      return answer.shards.subarray(start, start + runBytes);
    });
  }

  async rebuild(
    shards: readonly (Uint8Array | undefined)[],
    parity: number,
  ): Promise<Uint8Array[] | undefined> {
    const count = shards.length - parity;
    const data = shards.slice(0, count);
    const lost = data.flatMap((run, at) => (run === undefined ? [at] : []));
    const there = shards.slice(count).flatMap((run, at) => (run === undefined ? [] : [at]));
    const runBytes = shards.find((run) => run !== undefined)?.length;
    if (there.length < lost.length || runBytes === undefined) return undefined;
    const used = there.slice(0, lost.length);
    // What the runs that are left give, taken from the parity, leaves what the lost ones gave.
    const zeros = new Uint8Array(runBytes);
    const rest = await this.encode(
      data.map((run) => run ?? zeros),
      parity,
    );
    const sums = used.map((at) => {
      const sum = Uint8Array.from(shards[count + at] as Uint8Array);
      add(sum, rest[at] as Uint8Array);
      return sum;
    });
    const coefficients = await this.#coefficientsOf(count, parity);
    const matrix = used.map((row) => lost.map((column) => coefficients[row]?.[column] ?? 0));
    const solved = inverse(matrix);
    if (solved === undefined) return undefined;
    const found = product(solved, sums);
    return data.map((run, at) => run ?? (found[lost.indexOf(at)] as Uint8Array));
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Row by row what each data run is multiplied with: the parity of runs that are 1 in one place. */
  async #coefficientsOf(data: number, parity: number): Promise<number[][]> {
    const key = `${data} ${parity}`;
    const known = this.#coefficients.get(key);
    if (known !== undefined) return known;
    const units = Array.from({ length: data }, (_, at) => {
      const unit = new Uint8Array(data);
      unit[at] = 1;
      return unit;
    });
    const rows = (await this.encode(units, parity)).map((row) => [...row]);
    this.#coefficients.set(key, rows);
    return rows;
  }

  async #ask(task: Omit<ErasureTask, 'id'>): Promise<ErasureAnswer> {
    const id = (this.#next += 1);
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...task }, [task.shards.buffer]);
    });
  }
}
