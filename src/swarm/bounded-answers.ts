import type { MessageStream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';

/** A frame of yamux's without data: an answer to a ping, a window, the end of a stream. */
const HEADER_BYTES = 12;

/**
 * Hangs up on who asks and asks and takes no answers: yamux answers each ping and each stream that it
 * refuses, and what cannot be sent waits, without a bound of the library's, at 25 times its size.
 */
export function boundAnswers(connection: MessageStream): void {
  const send = connection.send.bind(connection);
  let waiting = 0;
  connection.addEventListener('drain', () => {
    waiting = 0;
  });
  connection.send = (data) => {
    if (connection.writableNeedsDrain && data.byteLength <= HEADER_BYTES) waiting += 1;
    if (waiting <= BOUNDS.unsentAnswers) return send(data);
    connection.abort(new Error('the other side takes no answers'));
    return false;
  };
}
