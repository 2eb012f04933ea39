import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { PeerId } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { base58btc } from 'multiformats/bases/base58';
import type { Did } from '../domain/bundle.js';

const PREFIX = 'did:key:';
/** Multicodec ed25519-pub, as an unsigned varint. */
const ED25519 = [0xed, 0x01] as const;

/**
 * The did:key of a peer; undefined for peers whose key is not Ed25519.
 * @see https://w3c-ccg.github.io/did-key-spec/
 */
export function didOfPeer(peer: PeerId): Did | undefined {
  if (peer.type !== 'Ed25519') return undefined;
  return PREFIX + base58btc.encode(Uint8Array.from([...ED25519, ...peer.publicKey.raw]));
}

/** The peer id of a did:key; undefined where it is none of an Ed25519 key. */
export function peerOfDid(did: Did): PeerId | undefined {
  if (!did.startsWith(`${PREFIX}z`) || did.length > 128) return undefined;
  try {
    const bytes = base58btc.decode(did.slice(PREFIX.length));
    if (bytes.length !== 34 || bytes[0] !== ED25519[0] || bytes[1] !== ED25519[1]) return undefined;
    const key = publicKeyFromRaw(bytes.subarray(2));
    return key.type === 'Ed25519' ? peerIdFromPublicKey(key) : undefined;
  } catch {
    return undefined;
  }
}
