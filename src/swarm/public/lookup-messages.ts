import type { Uint8ArrayList } from 'uint8arraylist';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { NodeKind } from '../../domain/network-node.js';
import { groupOfMultiaddr } from '../../network/address-group.js';
import type { Contact, Owner } from '../../network/events.js';
import { bytesOfPosition, positionOfBytes, type Position } from '../../network/position.js';
import { wireBytes } from '../wire-bytes.js';
import { numbered, unnumbered, type PlaceWord } from './place-answers.js';
import { LookupStatus, LookupReply, LookupRequest, type LookupNode } from './lookup.pb.js';

export const LOOKUP_PROTOCOL = '/x/lookup/1';

/** What is asked of a node: who has each of so many keys (1 to BOUNDS.lookupKeys), to take records of the asker's, or to drop them. */
export type LookupAsk =
  | { type: 'question'; keys: readonly Position[]; isSearch: boolean }
  | { type: 'leave' | 'withdraw'; keys: readonly Position[] };

/** Who asks, by its own word. */
export interface AskerWord {
  addresses: readonly string[];
  kind: NodeKind;
}

export interface LookupAnswer {
  /** Of the first key. */
  owners: Owner[];
  closer: Contact[];
  /** Of each further one; of none where it answers one at a time. */
  more: readonly PlaceWord[];
  /** Which of the keys left were not taken, by their number in the request. */
  refused: ReadonlySet<number>;
  kind: NodeKind;
}

/** A place's answer that names as many as it can, by their numbers. */
const PLACE_BYTES = 2 * (BOUNDS.lookupAnswerOwners + BOUNDS.lookupAnswerNodes) + 6;
/** Multiaddrs in their text form, as gossip has them too. */
const MULTIADDR = /^(\/[\x21-\x2e\x30-\x7e]+)+$/;
/** The did:key of an Ed25519 key. */
const ED25519_DID = /^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{40,48}$/;

export function isAddressText(text: string): boolean {
  return text.length <= BOUNDS.announcedAddressChars && MULTIADDR.test(text);
}

export function encodeRequest(network: Uint8Array, ask: LookupAsk, word: AskerWord): Uint8Array {
  const keys = ask.keys.map(wireKey);
  return LookupRequest.encode({
    network: wireBytes(network),
    addresses: word.addresses.filter(isAddressText).slice(0, BOUNDS.announcedAddresses),
    isHeavy: word.kind === 'heavy',
    ...(ask.type === 'question'
      ? {
          question: {
            key: keys[0] ?? new Uint8Array(0),
            isSearch: ask.isSearch,
            more: keys.slice(1),
          },
        }
      : ask.type === 'leave'
        ? { leave: { keys } }
        : { withdraw: { keys } }),
  });
}

/** @throws Error where it is malformed. Of another network is `undefined`. */
export function decodeRequest(
  frame: Uint8Array | Uint8ArrayList,
  network: Uint8Array,
): { ask: LookupAsk; word: AskerWord } | undefined {
  const request = LookupRequest.decode(frame);
  const { question, leave, withdraw } = request;
  if ([question, leave, withdraw].filter((one) => one !== undefined).length !== 1)
    throw new Error('a request for nothing, or for several things');
  if (!Buffer.from(network).equals(request.network)) return undefined;
  const word = {
    addresses: request.addresses.filter(isAddressText),
    kind: kindOf(request.isHeavy),
  };
  if (question !== undefined)
    return {
      ask: {
        type: 'question',
        keys: [question.key, ...question.more].map(keyOf),
        isSearch: question.isSearch,
      },
      word,
    };
  const type = leave === undefined ? 'withdraw' : 'leave';
  const keys = (leave?.keys ?? withdraw?.keys ?? []).map(keyOf);
  return { ask: { type, keys }, word };
}

/** A reply of BOUNDS.lookupAnswerBytes at most, or lookupAnswersBytes to many keys: what does not fit is left out. */
export function encodeAnswer(answer: LookupAnswer): Uint8Array {
  const limitBytes = answer.more.length > 0 ? BOUNDS.lookupAnswersBytes : BOUNDS.lookupAnswerBytes;
  let leftBytes = limitBytes - 8 * answer.refused.size - answer.more.length * PLACE_BYTES - 64;
  const fits = ({ did, addresses }: LookupNode): boolean => {
    const bytes = addresses.reduce((sum, text) => sum + text.length + 4, did.length + 16);
    if (bytes > leftBytes) return false;
    leftBytes -= bytes;
    return true;
  };
  const fitting = (nodes: readonly (Owner | Contact)[], limit: number): LookupNode[] =>
    nodes.slice(0, limit).map(wireNode).filter(fits);
  const owners = fitting(answer.owners, BOUNDS.lookupAnswerOwners);
  const closer = fitting(answer.closer, BOUNDS.lookupAnswerNodes);
  return LookupReply.encode({
    owners,
    closer,
    refused: [...answer.refused],
    status: LookupStatus.ANSWERED,
    isHeavy: answer.kind === 'heavy',
    ...numbered(answer.more, wireNode, fits),
  });
}

function wireNode({ did, addresses, ...rest }: Owner | Contact): LookupNode {
  const stated = addresses.filter(isAddressText).slice(0, BOUNDS.announcedAddresses);
  return { did, addresses: stated, isHeavy: 'kind' in rest && rest.kind === 'heavy' };
}

export function encodeRefusal(
  status: LookupStatus.BUSY | LookupStatus.OTHER_NETWORK,
  kind: NodeKind,
): Uint8Array {
  return LookupReply.encode({
    owners: [],
    closer: [],
    refused: [],
    status,
    isHeavy: kind === 'heavy',
    named: [],
    more: [],
  });
}

/**
 * What a node answered; all of it is its word. A node in it is where its first address is, and those of
 * its addresses that are elsewhere are left out: nobody is made to knock at many doors for one name.
 * @param addressesOf What is known of a node that is named without an address.
 * @throws Error where it is malformed. A refusal is `busy` or `other-network`.
 */
export function decodeAnswer(
  frame: Uint8Array | Uint8ArrayList,
  addressesOf: (did: Did) => readonly string[],
): LookupAnswer | 'busy' | 'other-network' {
  const { owners, closer, refused, status, isHeavy, named, more } = LookupReply.decode(frame);
  if (status === LookupStatus.BUSY) return 'busy';
  if (status === LookupStatus.OTHER_NETWORK) return 'other-network';
  if (status !== LookupStatus.ANSWERED) throw new Error('a reply that is none');
  const contacts = (nodes: readonly LookupNode[]): Contact[] =>
    nodes.flatMap((node) => contactOf(node, addressesOf) ?? []);
  return {
    owners: contacts(owners).map(({ did, addresses, group }) => ({ did, addresses, group })),
    closer: contacts(closer),
    more: unnumbered(
      named.map((node) => contactOf(node, addressesOf)),
      more,
    ),
    refused: new Set(refused),
    kind: kindOf(isHeavy),
  };
}

/** A node as a stranger names it; undefined where it cannot be dialled. */
export function contactOf(
  { did, addresses, isHeavy }: LookupNode,
  addressesOf: (did: Did) => readonly string[],
): Contact | undefined {
  if (!ED25519_DID.test(did)) return undefined;
  const stated = addresses.length > 0 ? addresses : addressesOf(did);
  const sound = stated.filter(isAddressText).slice(0, BOUNDS.announcedAddresses);
  const group = sound[0] === undefined ? undefined : groupOfMultiaddr(sound[0]);
  if (group === undefined) return undefined;
  const there = sound.filter((address) => groupOfMultiaddr(address) === group);
  return { did, addresses: there, group, kind: kindOf(isHeavy) };
}

function kindOf(isHeavy: boolean): NodeKind {
  return isHeavy ? 'heavy' : 'light';
}

function wireKey(key: Position): Uint8Array<ArrayBuffer> {
  return wireBytes(bytesOfPosition(key));
}

/** @throws Error */
function keyOf(bytes: Uint8Array): Position {
  const key = positionOfBytes(bytes);
  if (key === undefined) throw new Error(`a key of ${bytes.length} bytes`);
  return key;
}
