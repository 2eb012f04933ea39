import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parentPort } from 'node:worker_threads';

/** What the worker is asked: data runs, then room for parity runs, in one buffer. */
export interface ErasureTask {
  id: number;
  shards: Uint8Array<ArrayBuffer>;
  data: number;
  parity: number;
}

export interface ErasureAnswer {
  id: number;
  shards: Uint8Array<ArrayBuffer>;
  /** The library's result; 0 is done. */
  result: number;
}

interface Library {
  ReedSolomonErasure: {
    fromBytes(bytes: Uint8Array): {
      encode(shards: Uint8Array, data: number, parity: number): number;
    };
  };
}

const require = createRequire(import.meta.url);
const main = require.resolve('@subspace/reed-solomon-erasure.wasm');
const { ReedSolomonErasure } = require(main) as Library;
const wasm = readFileSync(join(dirname(main), 'reed_solomon_erasure_bg.wasm'));
const code = ReedSolomonErasure.fromBytes(wasm);

parentPort?.on('message', ({ id, shards, data, parity }: ErasureTask) => {
  const result = code.encode(shards, data, parity);
  const answer: ErasureAnswer = { id, shards, result };
  parentPort?.postMessage(answer, [shards.buffer]);
});
