import { isIPv4 } from 'node:net';
import { Worker } from 'node:worker_threads';
import { BOUNDS } from '../../domain/bounds.js';
import type { FoundAddress, RendezvousOptions } from './rendezvous-node.js';

/**
 * Meets others through the BitTorrent DHT. What comes from there is anybody's word, and the library
 * reads strangers' messages: it lives in a thread of its own with little memory, and is begun again
 * later where it fails.
 */
export class Rendezvous {
  readonly #options: RendezvousOptions;
  readonly #onFound: (found: FoundAddress) => void;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs: number = BOUNDS.rendezvousRestartMs;
  #isStopped = false;

  constructor(options: RendezvousOptions, onFound: (found: FoundAddress) => void) {
    this.#options = options;
    this.#onFound = onFound;
  }

  start(): void {
    const worker = new Worker(new URL('./rendezvous-worker.js', import.meta.url), {
      workerData: this.#options,
      resourceLimits: { maxOldGenerationSizeMb: BOUNDS.rendezvousMemoryMb },
    });
    this.#worker = worker;
    worker.on('message', (message: unknown) => {
      if (isFound(message)) this.#onFound(message);
    });
    // Told of by 'exit' as well.
    worker.on('error', () => undefined);
    worker.on('exit', () => this.#ended());
    worker.unref();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.ref();
    worker.postMessage('stop');
    const timer = setTimeout(() => void worker.terminate(), BOUNDS.nodeLeaveMs);
    await ended;
    clearTimeout(timer);
  }

  #ended(): void {
    this.#worker = undefined;
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => this.start(), this.#pauseMs).unref();
    this.#pauseMs = Math.min(2 * this.#pauseMs, BOUNDS.rendezvousEveryMs);
  }
}

function isFound(message: unknown): message is FoundAddress {
  const { ip, port } = message as Partial<FoundAddress>;
  return typeof ip === 'string' && isIPv4(ip) && Number.isInteger(port);
}
