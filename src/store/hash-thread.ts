// The thread of FileDigester: reads files and hashes them in order, in memory of its own.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { DigestAlgorithm } from '../domain/digest.js';
import type { HashedFile, HashReply, HashTask } from './file-digester.js';

interface Progress {
  /** Those that are wanted. */
  hashes: Map<DigestAlgorithm, Hash>;
  atBytes: number;
}

const buffer = Buffer.allocUnsafeSlow(1 << 20);
const files = new Map<string, Progress>();

parentPort?.on('message', (task: HashTask) => {
  if (task.type === 'forget') {
    files.delete(task.name);
    return;
  }
  try {
    if (task.type === 'take') {
      take(task);
      reply({ id: task.id, taken: true });
      return;
    }
    const progress = advance(task);
    if (task.type === 'advance') return;
    files.delete(task.name);
    reply({
      id: task.id,
      sha256: progress.hashes.get('sha256')?.digest('hex'),
      sha512: progress.hashes.get('sha512')?.digest('hex'),
    });
  } catch (error) {
    files.delete(task.name);
    if (task.type !== 'advance') reply({ id: task.id, failed: String(error) });
  }
});

function reply(message: HashReply): void {
  parentPort?.postMessage(message);
}

function progressOf({ name, digests }: HashedFile): Progress {
  const known = files.get(name);
  const progress = known ?? {
    hashes: new Map(digests.map((algorithm) => [algorithm, createHash(algorithm)] as const)),
    atBytes: 0,
  };
  files.set(name, progress);
  return progress;
}

/** From memory that another thread holds still meanwhile. */
function take(task: Extract<HashTask, { type: 'take' }>): void {
  const progress = progressOf(task);
  const { atBytes } = progress;
  if (atBytes !== task.startBytes) throw new Error(`${task.path} was hashed up to ${atBytes}`);
  for (const part of task.parts) {
    for (const hash of progress.hashes.values()) hash.update(part);
    progress.atBytes += part.length;
  }
}

function advance(wanted: HashedFile): Progress {
  const { path, endBytes } = wanted;
  const progress = progressOf(wanted);
  if (progress.atBytes >= endBytes) return progress;
  const file = openSync(path, 'r');
  try {
    while (progress.atBytes < endBytes) {
      const want = Math.min(buffer.length, endBytes - progress.atBytes);
      const got = readSync(file, buffer, 0, want, progress.atBytes);
      if (got === 0) throw new Error(`${path} ends at ${String(progress.atBytes)}`);
      const bytes = buffer.subarray(0, got);
      for (const hash of progress.hashes.values()) hash.update(bytes);
      progress.atBytes += got;
    }
  } finally {
    closeSync(file);
  }
  return progress;
}
