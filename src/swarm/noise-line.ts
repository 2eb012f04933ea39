import { Socket } from 'node:net';
import { noise } from '@chainsafe/libp2p-noise';
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';
import { noiseCrypto } from './noise-crypto.js';

type Bytes = Uint8Array | Uint8ArrayList;
type NoiseComponents = Parameters<ReturnType<typeof noise>>[0];

/** Noise's transport messages: at most 65535 bytes, the tag included, each after its length in 2 bytes. */
const MESSAGE_BYTES = 65_535;
const TAG_BYTES = 16;
const LENGTH_BYTES = 2;

/** What libp2p's Noise makes of a connection, as far as it is replaced here. */
interface NoiseStream {
  handshake: {
    encrypt(plaintext: Bytes): Bytes;
    decrypt(ciphertext: Bytes): Bytes;
  };
  stream: { socket?: unknown; sendData(data: Uint8ArrayList): Sent };
  encrypt(plaintext: Bytes): Uint8ArrayList;
  decrypt(messages: Uint8ArrayList[]): Uint8ArrayList;
  decoder: {
    /** What waits for the rest of its message. */
    buffer: Iterable<Uint8Array>;
    decode(data: Uint8ArrayList): Iterable<Uint8ArrayList[]>;
  };
}

interface Sent {
  sentBytes: number;
  canSendMore: boolean;
}

/**
 * libp2p's Noise, the handshake as it is, with what comes after made for moving many bytes on one
 * core: messages are cut out and opened without joining their parts, all that one read brought is
 * handed on at once, and all messages of a frame go to the system in one call. As libp2p does it each
 * message costs three calls, two of them for two bytes and sixteen.
 * @param prologue What both sides have to have in common, or the handshake fails.
 */
export function noiseLine(
  prologue?: Uint8Array,
): (components: NoiseComponents) => ConnectionEncrypter {
  return (components) => {
    const encrypter: ConnectionEncrypter = noise({
      crypto: noiseCrypto,
      ...(prologue === undefined ? {} : { prologueBytes: prologue }),
    })(components);
    const inbound = encrypter.secureInbound.bind(encrypter);
    const outbound = encrypter.secureOutbound.bind(encrypter);
    encrypter.secureInbound = async (...args) => lean(await inbound(...args));
    encrypter.secureOutbound = async (...args) => lean(await outbound(...args));
    return encrypter;
  };
}

function lean<T>(secured: SecuredConnection<T>): SecuredConnection<T> {
  if (!isNoiseStream(secured.connection)) return secured;
  const { connection } = secured;
  const { handshake, stream } = connection;
  // The start of a message may have come with the end of the handshake.
  const cutter = new MessageCutter(connection.decoder.buffer);
  connection.decoder = { buffer: [], decode: (data) => cutter.cut(data) };
  connection.encrypt = (plaintext) => sealed(plaintext, handshake);
  connection.decrypt = (messages) => opened(messages, handshake);
  if (stream.socket instanceof Socket) {
    const { socket } = stream;
    stream.sendData = (data) => sendGathered(socket, data);
  }
  return secured;
}

/** Whether this is the library that this file was written for: another one is left alone. */
export function isNoiseStream(stream: MessageStream): stream is MessageStream & NoiseStream {
  const { handshake, encrypt, decrypt, decoder } = stream as Partial<NoiseStream>;
  return (
    typeof handshake?.encrypt === 'function' &&
    typeof encrypt === 'function' &&
    typeof decrypt === 'function' &&
    typeof decoder?.decode === 'function' &&
    typeof (decoder as Partial<NoiseStream['decoder']>).buffer?.[Symbol.iterator] === 'function'
  );
}

function sealed(plaintext: Bytes, { encrypt }: NoiseStream['handshake']): Uint8ArrayList {
  const out = new Uint8ArrayList();
  for (let at = 0; at < plaintext.byteLength; at += MESSAGE_BYTES - TAG_BYTES) {
    const end = Math.min(plaintext.byteLength, at + MESSAGE_BYTES - TAG_BYTES);
    const message = encrypt(
      plaintext instanceof Uint8Array ? plaintext.subarray(at, end) : plaintext.sublist(at, end),
    );
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt16BE(message.byteLength);
    out.append(length);
    out.append(message);
  }
  return out;
}

/** @throws Error where a message was changed on its way. */
function opened(
  messages: readonly Uint8ArrayList[],
  { decrypt }: NoiseStream['handshake'],
): Uint8ArrayList {
  const out = new Uint8ArrayList();
  for (const message of messages) {
    if (message.byteLength < TAG_BYTES) throw new Error('a Noise message without a tag');
    out.append(decrypt(message));
  }
  return out;
}

/** Hands all parts to the system in one call. */
function sendGathered(socket: Socket, data: Uint8ArrayList): Sent {
  socket.cork();
  for (const part of data) socket.write(part);
  socket.uncork();
  return { sentBytes: data.byteLength, canSendMore: !socket.writableNeedDrain };
}

/** Cuts length-prefixed messages out of what arrives. What waits is less than one message. */
export class MessageCutter {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** @param begun What came of the first message. */
  constructor(begun: Iterable<Uint8Array> = []) {
    this.#add(begun);
  }

  /** The messages that are whole now, if any, as one item. */
  cut(data: Uint8ArrayList): Uint8ArrayList[][] {
    this.#add(data);
    const messages: Uint8ArrayList[] = [];
    let length = this.#nextLength();
    while (length !== undefined && this.#bytes >= LENGTH_BYTES + length) {
      this.#take(LENGTH_BYTES);
      messages.push(this.#take(length));
      length = this.#nextLength();
    }
    return messages.length === 0 ? [] : [messages];
  }

  #add(data: Iterable<Uint8Array>): void {
    for (const part of data) {
      if (part.length === 0) continue;
      this.#parts.push(part);
      this.#bytes += part.length;
    }
  }

  #nextLength(): number | undefined {
    const [first, second] = this.#parts;
    if (first === undefined || this.#bytes < LENGTH_BYTES) return undefined;
    return ((first[0] ?? 0) << 8) | (first[1] ?? second?.[0] ?? 0);
  }

  #take(length: number): Uint8ArrayList {
    const taken = new Uint8ArrayList();
    let wanted = length;
    while (wanted > 0) {
      const part = this.#parts[0] ?? new Uint8Array(0);
      if (part.length <= wanted) {
        taken.append(part);
        this.#parts.shift();
        wanted -= part.length;
      } else {
        taken.append(part.subarray(0, wanted));
        this.#parts[0] = part.subarray(wanted);
        wanted = 0;
      }
    }
    this.#bytes -= length;
    return taken;
  }
}
