import { fileURLToPath } from 'node:url';
import type { Contender } from './contender.js';

const PEER = fileURLToPath(new URL('stream-peer.js', import.meta.url));

/** As many bytes over one libp2p stream, from memory to nowhere: nothing checked, nothing kept. */
export const streamContender: Contender = {
  name: 'stream',
  whyNot: () => undefined,
  needsPlain: false,
  prepare: () => Promise.resolve(),
  source: ({ content }) =>
    Promise.resolve({ command: [process.execPath, PEER, 'serve', String(content.bytes)] }),
  serving: { event: 'serving' },
  client: ({ content, lan }, _host, gate) =>
    Promise.resolve({
      manner: 'gated',
      command: [...[process.execPath, PEER, 'fetch', String(content.bytes), gate], lan.address(0)],
    }),
};
