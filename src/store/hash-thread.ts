// The thread of FileDigester: reads files and hashes them in order, in memory of its own.
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashedFile, HashReply, HashTask } from './file-digester.js';
import { FileHashes } from './file-hashes.js';

const buffer = Buffer.allocUnsafeSlow(1 << 20);
const files = new Map<string, FileHashes>();

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
    const hashes = advance(task);
    if (task.type === 'advance') return;
    files.delete(task.name);
    reply({ id: task.id, ...hashes.finish() });
  } catch (error) {
    files.delete(task.name);
    if (task.type !== 'advance') reply({ id: task.id, failed: String(error) });
  }
});

function reply(message: HashReply): void {
  parentPort?.postMessage(message);
}

function hashesOf(file: HashedFile): FileHashes {
  const hashes = files.get(file.name) ?? new FileHashes(file);
  files.set(file.name, hashes);
  return hashes;
}

/** From memory that another thread holds still meanwhile. */
function take(task: Extract<HashTask, { type: 'take' }>): void {
  const hashes = hashesOf(task);
  const { atBytes } = hashes;
  if (atBytes !== task.startBytes) throw new Error(`${task.path} was hashed up to ${atBytes}`);
  for (const part of task.parts) hashes.update(part);
}

function advance(wanted: HashedFile): FileHashes {
  const { path, endBytes } = wanted;
  const hashes = hashesOf(wanted);
  if (hashes.atBytes >= endBytes) return hashes;
  const file = openSync(path, 'r');
  try {
    while (hashes.atBytes < endBytes) {
      const want = Math.min(buffer.length, endBytes - hashes.atBytes);
      const got = readSync(file, buffer, 0, want, hashes.atBytes);
      if (got === 0) throw new Error(`${path} ends at ${String(hashes.atBytes)}`);
      hashes.update(buffer.subarray(0, got));
    }
  } finally {
    closeSync(file);
  }
  return hashes;
}
