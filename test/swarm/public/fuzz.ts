import type { Stream } from '@libp2p/interface';
import type { Random } from '../../../src/ports/random.js';

/** A protocol that a stranger speaks badly. */
export interface FuzzedProtocol {
  name: string;
  /** Messages of the protocol as they are written, without their length. */
  samples: readonly Uint8Array[];
  /** How many go over one stream, as long as it lives; the first ones as they are. */
  perStream: number;
  /** Sent as they are on each stream before the others: what a server wants to hear first. */
  preface: readonly Uint8Array[];
  /** @param stranger Below `STRANGERS`: each has an address of its own, for of one address few are let in. */
  open: (stranger: number) => Promise<Stream>;
}

/** Who sends at once. */
export const STRANGERS = 8;
/** Who is refused tries again after a moment, so often in a row at most. */
const REFUSED_PAUSE_MS = 20;
const REFUSED_AT_MOST = 3_000;

export interface FuzzTally {
  /** Messages that were handed to a stream. */
  sent: number;
  streams: number;
  /** Streams that the other side ended before all was sent. */
  ended: number;
  /** Streams that it did not take: it has enough, or hung up just then. */
  refused: number;
}

/** Sends so many broken messages, several streams at once; resolves when all were sent. */
export async function fuzz(
  protocol: FuzzedProtocol,
  messages: number,
  random: Random,
): Promise<FuzzTally> {
  const tally: FuzzTally = { sent: 0, streams: 0, ended: 0, refused: 0 };
  const send = async (stranger: number): Promise<void> => {
    while (tally.sent < messages) {
      const stream = await opened(protocol, stranger, tally);
      await overOneStream(stream, protocol, messages, random, tally);
    }
  };
  await Promise.all(Array.from({ length: STRANGERS }, (_, stranger) => send(stranger)));
  return tally;
}

/** @throws what refused it again and again. */
async function opened(
  { open }: FuzzedProtocol,
  stranger: number,
  tally: FuzzTally,
): Promise<Stream> {
  for (let refused = 1; ; refused++) {
    try {
      return await open(stranger);
    } catch (error) {
      tally.refused += 1;
      if (refused >= REFUSED_AT_MOST) throw error;
      await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
    }
  }
}

async function overOneStream(
  stream: Stream,
  { samples, perStream, preface }: FuzzedProtocol,
  messages: number,
  random: Random,
  tally: FuzzTally,
): Promise<void> {
  tally.streams += 1;
  // What comes back is not of interest.
  stream.addEventListener('message', () => undefined);
  for (const bytes of preface) if (isOpen(stream)) stream.send(framed(bytes));
  for (let i = 0; i < perStream && tally.sent < messages; i++) {
    if (!isOpen(stream)) {
      tally.ended += 1;
      break;
    }
    tally.sent += 1;
    try {
      if (!stream.send(broken(samples, random))) await drained(stream);
    } catch {
      // It ended just now.
      tally.ended += 1;
      break;
    }
    // The other side has its turn: it is this process.
    await new Promise((resolve) => setImmediate(resolve));
  }
  try {
    await stream.close({ signal: AbortSignal.timeout(200) });
  } catch (error) {
    stream.abort(error as Error);
  }
  stream.abort(new Error('enough'));
}

function isOpen(stream: Stream): boolean {
  return stream.status === 'open' && stream.writeStatus === 'writable';
}

/** Or so long: who does not read is left alone. */
async function drained(stream: Stream): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stream.removeEventListener('drain', done);
      stream.removeEventListener('close', done);
      resolve();
    };
    const timer = setTimeout(done, 100);
    stream.addEventListener('drain', done);
    stream.addEventListener('close', done);
    if (!isOpen(stream)) done();
  });
}

/** A message with its length, both or one of them wrong. */
export function broken(samples: readonly Uint8Array[], random: Random): Uint8Array {
  const body = brokenBody(samples, random);
  const kind = random.integer(20);
  if (kind === 0) return Buffer.concat([Buffer.alloc(1 + random.integer(12), 0xff), body]);
  if (kind === 1) return Buffer.concat([varint(random.integer(2 ** 31)), body]);
  if (kind === 2) return Buffer.concat([varint(random.integer(body.length + 1)), body]);
  if (kind === 3) return Buffer.from([0]);
  return framed(body);
}

function brokenBody(samples: readonly Uint8Array[], random: Random): Uint8Array {
  const sample = samples[random.integer(samples.length)] ?? new Uint8Array();
  const other = samples[random.integer(samples.length)] ?? new Uint8Array();
  switch (random.integer(8)) {
    case 0:
      return random.bytes(random.integer(300));
    case 1:
      return sample.subarray(0, random.integer(sample.length + 1));
    case 2:
      return Buffer.concat([sample, random.bytes(random.integer(40))]);
    case 3:
      return Buffer.concat([sample.subarray(0, random.integer(sample.length + 1)), other]);
    case 4:
      // As it is: what is well formed can be one too many, too.
      return sample;
    case 5:
      return repeated(sample, 1 + random.integer(64));
    default:
      return altered(sample, 1 + random.integer(6), random);
  }
}

function altered(sample: Uint8Array, times: number, random: Random): Uint8Array {
  const bytes = Uint8Array.from(sample);
  for (let i = 0; i < times && bytes.length > 0; i++) {
    const at = random.integer(bytes.length);
    bytes[at] =
      random.integer(3) === 0 ? random.integer(256) : (bytes[at] ?? 0) ^ (1 << random.integer(8));
  }
  return bytes;
}

function repeated(sample: Uint8Array, times: number): Uint8Array {
  return Buffer.concat(Array.from({ length: times }, () => sample));
}

export function framed(body: Uint8Array): Uint8Array {
  return Buffer.concat([varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
