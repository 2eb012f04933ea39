import type { Stream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { parseRefusal, type Refusal } from '../domain/membership.js';
import { FrameStream } from './frames.js';
import { BundleReply, BundleRequest } from './messages.pb.js';
import { wireBytes } from './wire-bytes.js';

export interface OfferedBundle {
  name: string;
  source: Did;
  version: number;
}

/** Memberships, as the other side is shown them. */
type Shown = readonly Uint8Array[];

/** Longer names and DIDs than these are nobody's. */
const NAME_LENGTH = 64;
const DID_LENGTH = 128;

interface Question {
  request: Partial<BundleRequest>;
  shown: Shown;
  /** How much may come in all; the more, the longer it may take. */
  maxBytes: number;
  /** For how long nothing may come. */
  silentMs: number;
}

/**
 * Sends one request over a fresh stream and hands each reply to `onReply`, until the last.
 * @param onReply Returns whether the reply brought anything.
 * @throws Error where the stream ends early, a reply is malformed or empty, nothing comes for a
 *   while, or it takes too long altogether.
 */
async function ask(
  stream: Stream,
  { request, shown, maxBytes, silentMs }: Question,
  onReply: (reply: BundleReply) => boolean,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const idle = setTimeout(() => {
      frames.abort(new Error('no answer in time'));
    }, silentMs);
    const total = setTimeout(
      () => frames.abort(new Error('the answer takes too long')),
      silentMs + maxBytes / BOUNDS.slowestAnswerBytesPerMs,
    );
    let isOver = false;
    const finish = (error?: Error): void => {
      isOver = true;
      clearTimeout(idle);
      clearTimeout(total);
      if (error === undefined) resolve();
      else reject(error);
    };
    const frames = new FrameStream(stream, {
      onFrame: (frame) => {
        const reply = BundleReply.decode(frame);
        const isMore = onReply(reply);
        if (reply.last) finish();
        else if (!isMore) throw new Error('an empty reply that is not the last');
      },
      // Not whole frames: over a line that many share, one can take longer than this.
      onBytes: () => {
        if (!isOver) idle.refresh();
      },
      onEnd: (error) => finish(error ?? new Error('the connection ended')),
    });
    frames.send(BundleRequest.encode({ ...request, memberships: shown.map(wireBytes) }));
  });
  await stream
    .close({ signal: AbortSignal.timeout(BOUNDS.closeStreamMs) })
    .catch((error: Error) => {
      stream.abort(error);
    });
}

/** Of who was named by the user, and answered the call: nobody else can be asked instead. */
function askNamed(
  stream: Stream,
  question: Omit<Question, 'silentMs'>,
  onReply: (reply: BundleReply) => boolean,
): Promise<void> {
  return ask(stream, { ...question, silentMs: BOUNDS.masterSilentMs }, onReply);
}

/** The bundles that a peer offers to who shows this, and why it keeps others back where it does. */
export async function askForBundles(
  stream: Stream,
  shown: Shown,
): Promise<{ bundles: OfferedBundle[]; refusal: Refusal | undefined }> {
  const bundles: OfferedBundle[] = [];
  let refusal: Refusal | undefined;
  const maxBytes = BOUNDS.bundlesPerMaster * (NAME_LENGTH + DID_LENGTH);
  await askNamed(stream, { request: { list: {} }, shown, maxBytes }, (reply) => {
    refusal ??= parseRefusal(reply.refusal);
    const before = bundles.length;
    for (const { name, source, version } of reply.bundles) {
      if (name.length > NAME_LENGTH || source.length > DID_LENGTH) continue;
      if (bundles.length < BOUNDS.bundlesPerMaster) bundles.push({ name, source, version });
    }
    return bundles.length > before;
  });
  return { bundles, refusal };
}

/** The membership that a token is exchanged for, unverified; or why it is not. */
export async function askToJoin(
  stream: Stream,
  token: string,
): Promise<{ membership: Uint8Array } | { refusal: Refusal }> {
  let membership: Uint8Array | undefined;
  let refusal: Refusal | undefined;
  const question = { request: { join: { token } }, shown: [], maxBytes: BOUNDS.membershipBytes };
  await askNamed(stream, question, (reply) => {
    refusal ??= parseRefusal(reply.refusal);
    if (reply.membership.length > 0) membership = Uint8Array.from(reply.membership);
    return false;
  });
  return membership === undefined ? { refusal: refusal ?? 'not-the-source' } : { membership };
}

/** A signed metadata file, unverified; undefined where the peer has none of that name, or why it is kept back. */
export async function askForFile(
  stream: Stream,
  file: { name: string; source: Did; file: string },
  shown: Shown,
  maxBytes: number,
): Promise<Uint8Array | Refusal | undefined> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let found = false;
  let refusal: Refusal | undefined;
  await askNamed(stream, { request: { file }, shown, maxBytes }, (reply) => {
    refusal ??= parseRefusal(reply.refusal);
    found ||= reply.found;
    bytes += reply.data.length;
    if (bytes > maxBytes) {
      throw new XError('LIMIT_EXCEEDED', `${file.name}: ${file.file} is over ${maxBytes} bytes`);
    }
    parts.push(reply.data);
    return reply.data.length > 0;
  });
  return found ? Buffer.concat(parts) : refusal;
}

/**
 * The leaf hashes of artifacts, as far as the peer has them. Unverified: each must be held against
 * its signed root.
 * @param wanted How many leaves each artifact has.
 */
export async function askForTrees(
  stream: Stream,
  wanted: ReadonlyMap<Sha256, number>,
  shown: Shown,
): Promise<Map<Sha256, Uint8Array[]>> {
  const trees = new Map<Sha256, Uint8Array[]>();
  const sha256 = [...wanted.keys()].map((hex) => Buffer.from(hex, 'hex'));
  let maxBytes = 0;
  for (const leafCount of wanted.values()) maxBytes += leafCount * 32;
  // Of a sibling: another has them too.
  const question = {
    request: { trees: { sha256 } },
    shown,
    maxBytes,
    silentMs: BOUNDS.masterTimeoutMs,
  };
  await ask(stream, question, (reply) => {
    let isMore = false;
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
      isMore ||= count > 0;
    }
    return isMore;
  });
  for (const [name, leaves] of trees) if (leaves.length !== wanted.get(name)) trees.delete(name);
  return trees;
}
