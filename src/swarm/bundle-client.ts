import type { Stream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { FrameStream } from './frames.js';
import { BundleReply, BundleRequest } from './messages.pb.js';

export interface OfferedBundle {
  name: string;
  source: Did;
  version: number;
}

/** Longer names and DIDs than these are nobody's. */
const NAME_LENGTH = 64;
const DID_LENGTH = 128;

/**
 * Sends one request over a fresh stream and hands each reply to `onReply`, until the last.
 * @throws Error where the stream ends early, a reply is malformed, or nothing comes for a while.
 */
async function ask(
  stream: Stream,
  request: BundleRequest,
  onReply: (reply: BundleReply) => void,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      frames.abort(new Error('no answer in time'));
    }, BOUNDS.masterTimeoutMs);
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    };
    const frames = new FrameStream(stream, {
      onFrame: (frame) => {
        timer.refresh();
        const reply = BundleReply.decode(frame);
        onReply(reply);
        if (reply.last) finish();
      },
      onEnd: (error) => finish(error ?? new Error('the connection ended')),
    });
    frames.send(BundleRequest.encode(request));
  });
  await stream
    .close({ signal: AbortSignal.timeout(BOUNDS.closeStreamMs) })
    .catch((error: Error) => {
      stream.abort(error);
    });
}

export async function askForBundles(stream: Stream): Promise<OfferedBundle[]> {
  const bundles: OfferedBundle[] = [];
  await ask(stream, { list: {} }, (reply) => {
    for (const { name, source, version } of reply.bundles) {
      if (name.length > NAME_LENGTH || source.length > DID_LENGTH) continue;
      if (bundles.length < BOUNDS.bundlesPerMaster) bundles.push({ name, source, version });
    }
  });
  return bundles;
}

/** A signed metadata file, unverified; undefined where the peer has none of that name. */
export async function askForFile(
  stream: Stream,
  file: { name: string; source: Did; file: string },
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let found = false;
  await ask(stream, { file }, (reply) => {
    found ||= reply.found;
    bytes += reply.data.length;
    if (bytes > maxBytes) {
      throw new XError('LIMIT_EXCEEDED', `${file.name}: ${file.file} is over ${maxBytes} bytes`);
    }
    parts.push(reply.data);
  });
  return found ? Buffer.concat(parts) : undefined;
}

/**
 * The leaf hashes of artifacts, as far as the peer has them. Unverified: each must be held against
 * its signed root.
 * @param wanted How many leaves each artifact has.
 */
export async function askForTrees(
  stream: Stream,
  wanted: ReadonlyMap<Sha256, number>,
): Promise<Map<Sha256, Uint8Array[]>> {
  const trees = new Map<Sha256, Uint8Array[]>();
  const sha256 = [...wanted.keys()].map((hex) => Buffer.from(hex, 'hex'));
  await ask(stream, { trees: { sha256 } }, (reply) => {
    for (const part of reply.trees) {
      const name = Buffer.from(part.sha256).toString('hex');
      const leafCount = wanted.get(name);
      if (leafCount === undefined) throw new Error('a tree that was not asked for');
      const leaves = trees.get(name) ?? [];
      const count = part.leaves.length / 32;
      if (!Number.isInteger(count) || part.first !== leaves.length) throw new Error('a torn tree');
      if (leaves.length + count > leafCount) throw new Error('a tree with too many leaves');
      // Copied: as views they would keep the whole frame.
      const copy = Uint8Array.from(part.leaves);
      for (let at = 0; at < copy.length; at += 32) leaves.push(copy.subarray(at, at + 32));
      trees.set(name, leaves);
    }
  });
  for (const [name, leaves] of trees) if (leaves.length !== wanted.get(name)) trees.delete(name);
  return trees;
}
