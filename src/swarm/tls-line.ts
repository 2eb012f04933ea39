import { once } from 'node:events';
import { Socket } from 'node:net';
import { TLSSocket, connect, createSecureContext, type SecureContext } from 'node:tls';
import type {
  AbortOptions,
  ConnectionEncrypter,
  MessageStream,
  PrivateKey,
  SecureConnectionOptions,
  SecuredConnection,
  StreamMuxerFactory,
} from '@libp2p/interface';
import { tls } from '@libp2p/tls';
import { verifyPeerCertificate } from '@libp2p/tls/utils';
import { Uint8ArrayList } from 'uint8arraylist';
import { secureStream } from './secure-stream.js';
import { tlsCertificate } from './tls-certificate.js';
import { TLS_CIPHERS } from './tls-ciphers.js';

type TlsComponents = Parameters<ReturnType<typeof tls>>[0];

/** A TCP connection of libp2p's, as far as it is needed here. */
export interface SocketStream extends MessageStream {
  readonly socket: Socket;
  /** What came with the agreement on the protocol, and nobody has read. */
  readonly readBuffer: Uint8ArrayList;
  /** Ends the socket once all has been sent. */
  sendClose(options?: AbortOptions): Promise<void>;
  /** Ends it at once. */
  sendReset(): void;
}

/** Says that no multiplexer is agreed upon here (libp2p's TLS specification, "ALPN"). */
const NO_MUXER = 'libp2p';

const ENDED_EARLY = 'the connection ended before keys were agreed on';

/**
 * libp2p's TLS 1.3, its certificates made and checked by its own library, on the socket itself: what
 * comes and goes is encrypted by Node's TLS without a call into JavaScript for each of its 16 KiB.
 * The library hands every byte to TLS through a stream of its own, which costs more than Noise does.
 * On anything else than a socket the library does it all.
 * @see https://github.com/libp2p/specs/blob/master/tls/tls.md
 */
export function tlsLine(): (components: TlsComponents) => ConnectionEncrypter {
  return (components) => {
    const encrypter: ConnectionEncrypter = tls()(components);
    const line = new TlsLine(components);
    const inbound = encrypter.secureInbound.bind(encrypter);
    const outbound = encrypter.secureOutbound.bind(encrypter);
    encrypter.secureInbound = async (stream: MessageStream, options?: SecureConnectionOptions) =>
      isSocketStream(stream) ? line.secure(stream, 'inbound', options) : inbound(stream, options);
    encrypter.secureOutbound = async (stream: MessageStream, options?: SecureConnectionOptions) =>
      isSocketStream(stream) ? line.secure(stream, 'outbound', options) : outbound(stream, options);
    return encrypter;
  };
}

/** Whether this is a connection of the library that this file was written for. */
export function isSocketStream(stream: MessageStream): stream is SocketStream {
  const { socket, readBuffer, sendClose, sendReset } = stream as Partial<SocketStream>;
  return (
    socket instanceof Socket &&
    readBuffer instanceof Uint8ArrayList &&
    typeof sendClose === 'function' &&
    typeof sendReset === 'function'
  );
}

class TlsLine {
  readonly #components: TlsComponents;
  /** With the certificate that says who this is: one for the life of this host. */
  #context: Promise<SecureContext> | undefined;

  /** libp2p sets its parts one after another: none is looked at before there is a connection. */
  constructor(components: TlsComponents) {
    this.#components = components;
  }

  /** @throws Error where the other side is not who is expected, or none that libp2p would take; or the time is over. */
  async secure(
    stream: SocketStream,
    direction: 'inbound' | 'outbound',
    { signal, remotePeer, skipStreamMuxerNegotiation: isBare }: SecureConnectionOptions = {},
  ): Promise<SecuredConnection> {
    const { socket } = stream;
    // From here on nobody but TLS reads: what comes meanwhile waits in the socket.
    stream.pause();
    socket.removeAllListeners('data');
    try {
      this.#context ??= contextOf(this.#components.privateKey);
      const secureContext = await this.#context;
      signal?.throwIfAborted();
      assertOpen(socket);
      const begun = stream.readBuffer.sublist();
      stream.readBuffer.consume(begun.byteLength);
      if (begun.byteLength > 0) socket.unshift(begun.subarray());
      const muxers = this.#components.upgrader.getStreamMuxers();
      const early = isBare === true ? [] : [...muxers.keys()];
      const ALPNProtocols = [...early, NO_MUXER];
      // Certificates are each machine's own: who it is follows from what is signed in them, below.
      const options = { secureContext, ALPNProtocols, rejectUnauthorized: false };
      const secured =
        direction === 'inbound'
          ? new TLSSocket(socket, { ...options, isServer: true, requestCert: true })
          : connect({ ...options, socket });
      resetThroughTls(stream, secured);
      await shakenHands(secured, stream, signal);
      const streamMuxer = agreedMuxer(secured, muxers);
      const peer = await verifyPeerCertificate(certificateOf(secured), remotePeer);
      // Who has hung up meanwhile has done so unheard: of that connection no end would ever be told.
      assertOpen(secured);
      const connection = secureStream(stream, secured);
      closeThroughTls(stream, secured, connection);
      return {
        remotePeer: peer,
        connection,
        ...(streamMuxer === undefined ? {} : { streamMuxer }),
      };
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }
}

/** @throws Error where it is not. */
function assertOpen(socket: Socket): void {
  if (socket.destroyed) throw new Error(ENDED_EARLY);
}

/** In DER. @throws Error where there is none. */
function certificateOf(secured: TLSSocket): Uint8Array {
  const certificate = secured.getPeerX509Certificate();
  if (certificate === undefined) throw new Error('the other side shows no certificate');
  return certificate.raw;
}

/** What TLS is just ending libuv does not reset: it would stay open as long as this process. */
function resetThroughTls(stream: SocketStream, secured: TLSSocket): void {
  const reset = stream.sendReset.bind(stream);
  stream.sendReset = () => {
    if (secured.writableEnded) secured.destroy();
    else reset();
  };
}

/** libp2p closes the connection of the socket, which does not know what waits in the TLS on it. */
function closeThroughTls(stream: SocketStream, secured: TLSSocket, line: MessageStream): void {
  stream.sendClose = async ({ signal } = {}) => {
    if (line.writeBufferLength > 0) {
      await Promise.race([once(line, 'idle', { signal }), once(line, 'close', { signal })]);
    }
    if (secured.closed) return;
    const closed = once(secured, 'close', { signal });
    secured.destroySoon();
    await closed;
  };
}

async function contextOf(host: PrivateKey): Promise<SecureContext> {
  return createSecureContext({
    ...(await tlsCertificate(host)),
    ...TLS_CIPHERS,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
  });
}

/** Resolves when both have what they need to talk. */
async function shakenHands(
  secured: TLSSocket,
  stream: MessageStream,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const giveUp = (): void => {
    secured.destroy(new Error('the other side takes too long to agree on keys'));
  };
  const onEnd = (): void => reject(new Error(ENDED_EARLY));
  signal?.addEventListener('abort', giveUp);
  stream.addEventListener('close', onEnd);
  // It stays: an error that nobody hears ends the process.
  secured.on('error', reject);
  secured.once('close', onEnd);
  // It is told from within OpenSSL's read, with all that then follows at once: who ended the connection
  // there would take away what is being read into.
  secured.once('secure', () => setImmediate(resolve, undefined));
  try {
    await promise;
  } finally {
    signal?.removeEventListener('abort', giveUp);
    stream.removeEventListener('close', onEnd);
    secured.removeListener('close', onEnd);
  }
}

/** The multiplexer that was agreed on with the keys; undefined where it is to be agreed on afterwards. */
function agreedMuxer(
  { alpnProtocol }: TLSSocket,
  muxers: ReadonlyMap<string, StreamMuxerFactory>,
): StreamMuxerFactory | undefined {
  if (typeof alpnProtocol !== 'string' || alpnProtocol === NO_MUXER) return undefined;
  const muxer = muxers.get(alpnProtocol);
  if (muxer === undefined) throw new Error(`nobody here speaks ${alpnProtocol}`);
  return muxer;
}
