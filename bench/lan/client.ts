import type { ClientLaunch } from './contender.js';
import type { HostProcess, Told } from './host-process.js';

/** A client of a trial, through all its processes. */
export class Client {
  readonly processes: HostProcess[] = [];
  launch: ClientLaunch = { command: [], manner: 'plain' };
  wentMs = 0;
  connectedMs: number | undefined;
  completeMs: number | undefined;
  failure: string | undefined;
  loadSeconds = 0;

  constructor(
    readonly host: number,
    readonly gate: string,
  ) {}

  get process(): HostProcess | undefined {
    return this.processes.at(-1);
  }

  /** What its processes used before they were told to go. */
  get loadedCpuSeconds(): number {
    return this.#told
      .filter(({ event }) => event === 'loaded')
      .reduce((sum, loaded) => sum + Number(loaded['cpuSeconds']), 0);
  }

  /** Bytes that it last said it has. */
  get heldBytes(): number {
    return Number(this.#told.findLast(({ event }) => event === 'progress')?.['bytes'] ?? 0);
  }

  get #told(): Told[] {
    return this.processes.flatMap(({ events }) => events);
  }
}
