import { didOfPublicKey } from '../../src/trust/did.js';
import type { NetworkNode } from '../../src/domain/network-node.js';
import type { Contact } from '../../src/network/events.js';
import { NodePositions, sharedBits, type Position } from '../../src/network/position.js';

export const NETWORK = 'test';
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** A moment to begin at. */
export const START_MS = Date.UTC(2026, 0, 1);

const known = new Map<number, string>();

/** The same DID for the same number. */
export function didOf(number: number): string {
  let did = known.get(number);
  if (did === undefined) {
    const key = Buffer.alloc(32);
    key.writeUInt32BE(number, 0);
    did = didOfPublicKey(key);
    known.set(number, did);
  }
  return did;
}

export const positions = new NodePositions(NETWORK, 1_000_000);

/** Each in a /24 of its own, unless it is said which. */
export function groupOf(number: number): string {
  return `${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.0/24`;
}

export function contactOf(number: number, group = groupOf(number)): Contact {
  const ip = group.replace(/\.0\/24$/, '.7');
  return { did: didOf(number), addresses: [`/ip4/${ip}/tcp/8471`], group, kind: 'light' };
}

export function nodeOf(number: number, fields: Partial<NetworkNode> = {}): NetworkNode {
  return {
    ...contactOf(number),
    freeBytes: 2 ** 30,
    load: 0,
    firstHeardAtMs: START_MS,
    heardAtMs: START_MS,
    answeredAtMs: START_MS,
    roundTripMs: 50,
    ...fields,
  };
}

/** Numbers from `from` on whose place shares just so many bits with this one. */
export function near(place: Position, bits: number, count: number, from = 0): number[] {
  const found: number[] = [];
  for (let number = from; found.length < count; number++)
    if (sharedBits(place, positions.of(didOf(number))) === bits) found.push(number);
  return found;
}
