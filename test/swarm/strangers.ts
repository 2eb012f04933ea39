import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Libp2p } from '@libp2p/interface';
import { ping } from '@libp2p/ping';
import { tcp, type TCPSocketOptions } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import type { Manifest } from '../../src/domain/bundle.js';
import { FrameStream } from '../../src/swarm/frames.js';
import { PieceFrame } from '../../src/swarm/messages.pb.js';
import { PIECE_PROTOCOL } from '../../src/swarm/piece-link.js';
import { Bitmap, LeafMap, encodeBitmap } from '../../src/transfer/index.js';

/**
 * A libp2p host with a key of its own that speaks no protocol of ours by itself.
 * @param localAddress Of this machine, from which it dials.
 */
export async function startStranger(seed?: Uint8Array, localAddress?: string): Promise<Libp2p> {
  const own = seed && { privateKey: await generateKeyPairFromSeed('Ed25519', seed) };
  // More than libp2p says goes to the socket.
  const dialOpts = localAddress === undefined ? {} : ({ localAddress } as TCPSocketOptions);
  return createLibp2p({
    ...own,
    transports: [tcp({ dialOpts })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { ping: ping() },
  });
}

/** Opens a piece stream to a node; says nothing on it. */
export async function openPieces(stranger: Libp2p, address: string): Promise<FrameStream> {
  const connection = await stranger.dial(multiaddr(address));
  const stream = await connection.newStream(PIECE_PROTOCOL);
  return new FrameStream(stream, { onFrame: () => undefined, onEnd: () => undefined });
}

/** The greeting of a peer that shares a manifest and holds nothing of it. */
export function emptyHello(manifest: Manifest): Uint8Array {
  const held = encodeBitmap(new Bitmap(new LeafMap(manifest).leafCount));
  return PieceFrame.encode({
    manifest: Uint8Array.from(Buffer.from(manifest.digest, 'hex')),
    bye: false,
    hello: { held: Uint8Array.from(held), addresses: [], reply: true },
  });
}
