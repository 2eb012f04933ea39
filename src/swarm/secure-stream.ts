import type { TLSSocket } from 'node:tls';
import type { MessageStream } from '@libp2p/interface';
import { toMessageStream } from '@libp2p/tls/utils';
import { Uint8ArrayList } from 'uint8arraylist';

/** What libp2p makes of a TLS socket, as far as it is replaced here. */
interface LibraryStream {
  onData(data: Uint8Array | Uint8ArrayList): void;
  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean };
}

/** Shorter parts go to TLS together: each call makes a record and is a call to the system. */
const SMALL_BYTES = 4 << 10;

/**
 * libp2p's stream over a TLS socket, with two things changed: what one turn of the loop brought is
 * handed on at once, not in each record's 16 KiB, and long parts are handed to TLS where they lie.
 * @param stream The connection that the socket is of: the two end together.
 */
export function secureStream(stream: MessageStream, secured: TLSSocket): MessageStream {
  const made = toMessageStream(stream, secured);
  if (!isLibraryStream(made)) return made;
  secured.removeAllListeners('data');
  gatherReads(secured, (data) => made.onData(data));
  // Without it Node's stream hands on what comes while it writes as it came, and does not join it first.
  Reflect.set(secured, '_writev', null);
  made.sendData = (data) => {
    // A multiplexer answers as long as it hears: after the end that would be an error, and cut off what is on its way.
    if (secured.writableEnded) return { sentBytes: data.byteLength, canSendMore: true };
    writeParts(secured, data);
    return { sentBytes: data.byteLength, canSendMore: !secured.writableNeedDrain };
  };
  return made;
}

/** Whether this is the library that this file was written for: another one is left alone. */
export function isLibraryStream(stream: MessageStream): stream is MessageStream & LibraryStream {
  const { onData, sendData } = stream as Partial<LibraryStream>;
  return typeof onData === 'function' && typeof sendData === 'function';
}

/** What waits is what libuv reads from one socket in a turn: 2 MiB at the most. */
function gatherReads(secured: TLSSocket, onData: (data: Uint8ArrayList) => void): void {
  let gathered = new Uint8ArrayList();
  let isDue = false;
  const handOn = (): void => {
    isDue = false;
    const data = gathered;
    gathered = new Uint8ArrayList();
    onData(data);
  };
  secured.on('data', (chunk: Buffer) => {
    gathered.append(chunk);
    if (isDue) return;
    isDue = true;
    setImmediate(handOn);
  });
  // As over TCP alone. Left to end by itself TLS waits for what it has not sent, and where the other
  // side is gone it may wait for ever: nothing more is read that would say so.
  secured.once('end', () => setImmediate(() => secured.destroy()));
  // Before the stream hears of its end.
  secured.prependListener('close', handOn);
}

function writeParts(secured: TLSSocket, data: Uint8ArrayList): void {
  let small: Uint8Array[] = [];
  const writeSmall = (): void => {
    const [first] = small;
    if (first === undefined) return;
    secured.write(small.length === 1 ? first : Buffer.concat(small));
    small = [];
  };
  for (const part of data) {
    if (part.length < SMALL_BYTES) small.push(part);
    else {
      writeSmall();
      secured.write(part);
    }
  }
  writeSmall();
}
