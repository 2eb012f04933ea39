// The BitTorrent DHT, in a thread of its own: the library takes messages of strangers apart and throws
// at some of them, which would end the process, and its memory has bounds that only a thread gives.
import { parentPort, workerData } from 'node:worker_threads';
import { makeRendezvousNode, type RendezvousOptions } from './rendezvous-node.js';

const port = parentPort;
if (port === null) throw new Error('this runs in a worker thread only');
const node = makeRendezvousNode(workerData as RendezvousOptions, (found) =>
  port.postMessage(found),
);
port.on('message', () => void node.stop().then(() => process.exit(0)));
