import { BOUNDS } from '../domain/bounds.js';
import { Bitmap, decodeBitmap, encodeBitmap, type LeafSpan } from '../transfer/index.js';
import type { Hello } from './messages.pb.js';
import { wireBytes } from './wire-bytes.js';

/** What a peer says of itself when it begins to share a manifest. */
export interface Greeting {
  held: Bitmap;
  /** What it wants in all; undefined means everything. */
  wanted: Bitmap | undefined;
  addresses: string[];
}

const ADDRESS_LENGTH = 256;

/** @throws Error where a have-map does not fit the manifest. */
export function decodeGreeting(hello: Hello, leafCount: number): Greeting {
  const held = decodeBitmap(hello.held, leafCount);
  const wanted = hello.wanted === undefined ? undefined : decodeBitmap(hello.wanted, leafCount);
  if (held === undefined || (hello.wanted !== undefined && wanted === undefined)) {
    throw new Error('a malformed have-map');
  }
  const addresses = hello.addresses.filter((address) => address.length <= ADDRESS_LENGTH);
  return { held, wanted, addresses };
}

/** @param lacking What is wanted beside what is held; undefined means everything. */
export function encodeGreeting(
  held: Bitmap,
  lacking: Iterable<LeafSpan> | undefined,
  addresses: readonly string[],
  reply: boolean,
): Hello {
  const hello: Hello = {
    held: wireBytes(encodeBitmap(held)),
    addresses: addresses.slice(0, BOUNDS.siblingAddresses),
    reply,
  };
  if (lacking === undefined || held.count === held.length) return hello;
  const wanted = new Bitmap(held.length);
  held.forEach((leaf) => wanted.add(leaf));
  for (const span of lacking) wanted.addRange(span.firstLeaf, span.leafCount);
  return { ...hello, wanted: wireBytes(encodeBitmap(wanted)) };
}
