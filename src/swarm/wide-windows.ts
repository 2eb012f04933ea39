import { yamux, type YamuxMuxerInit } from '@chainsafe/libp2p-yamux';
import type { StreamMuxerFactory } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import { boundAnswers } from './bounded-answers.js';

/** A stream of libp2p's yamux, as far as it is tuned here. */
interface YamuxStream {
  recvWindow: number;
  recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/**
 * libp2p's yamux with the window that a stream may grow to from the start, and an update of it when
 * half of it is used, as yamux's other implementations do. As it is each frame is answered with an
 * update: a call to the system and an encryption on one side, their counterparts on the other.
 */
export function yamuxWithWideWindows(init: YamuxMuxerInit): () => StreamMuxerFactory {
  const windowBytes = init.streamOptions?.maxStreamWindowSize ?? BOUNDS.streamWindowBytes;
  return () => {
    const factory: StreamMuxerFactory = yamux(init)();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => {
      boundAnswers(connection);
      const muxer = create(connection);
      const make: unknown = Reflect.get(muxer, '_newStream');
      if (typeof make === 'function') {
        Reflect.set(muxer, '_newStream', (...args: unknown[]) =>
          widen(Reflect.apply(make, muxer, args), windowBytes),
        );
      }
      return muxer;
    };
    return factory;
  };
}

function widen(stream: unknown, windowBytes: number): unknown {
  if (!isYamuxStream(stream)) return stream;
  const update = stream.sendWindowUpdate.bind(stream);
  stream.recvWindow = windowBytes;
  stream.sendWindowUpdate = () => {
    if (stream.recvWindowCapacity < stream.recvWindow / 2) update();
  };
  return stream;
}

/** Whether this is the library that this file was written for: another one is left alone. */
export function isYamuxStream(stream: unknown): stream is YamuxStream {
  const { recvWindow, recvWindowCapacity, sendWindowUpdate } = stream as Partial<YamuxStream>;
  return (
    typeof recvWindow === 'number' &&
    typeof recvWindowCapacity === 'number' &&
    typeof sendWindowUpdate === 'function'
  );
}
