import type { Client } from './client.js';
import type { ContenderName } from './contender.js';
import type { HostProcess, Usage } from './host-process.js';
import type { LinkBytes } from './lan.js';

export interface ClientResult {
  host: number;
  /** From its process's start to its first connection, without the wait at the gate. */
  startUpSeconds: number;
  /** From the first client's connection on. Undefined where it did not finish. */
  completeSeconds: number | undefined;
  /** From its own connection on. */
  ownSeconds: number | undefined;
  /** After it was loaded. */
  cpuSeconds: number;
  /** The kernel's part of it, start-up included. */
  systemSeconds: number;
  peakBytes: number;
  sentBytes: number;
  receivedBytes: number;
  failure: string | undefined;
}

export interface TrialResult {
  contender: ContenderName;
  contentBytes: number;
  clients: ClientResult[];
  /** The last client's time; undefined where one did not finish. */
  seconds: number | undefined;
  /** From the moment the first client was let go on: with whatever it does before it is connected. */
  fromGoSeconds: number | undefined;
  source: { cpuSeconds: number; systemSeconds: number; peakBytes: number; sentBytes: number };
  /** Bytes that left the source, as a multiple of the content. */
  copies: number;
  /** Of the machine that plays all hosts. */
  idleShare: number;
  /** Clients that were killed and started again. */
  restarts: Restart[];
  notes: string[];
}

export interface Restart {
  host: number;
  /** The share of the content it had said it has when it was killed. */
  share: number;
  /** From the start of its new process to its first connection; until then it fetches nothing. */
  readySeconds: number;
  /** Read from files and sockets until then, the program's own code included. */
  readBytes: number;
}

/** What the processes of a trial, all ended by now, did and used. */
export function resultOf(input: {
  contender: ContenderName;
  contentBytes: number;
  source: HostProcess | undefined;
  clients: readonly Client[];
  /** By host. */
  traffic: readonly LinkBytes[];
}): Omit<TrialResult, 'idleShare' | 'restarts' | 'notes'> {
  const { contender, contentBytes, traffic } = input;
  const firstMs = Math.min(...input.clients.map(({ connectedMs }) => connectedMs ?? Infinity));
  const since = (toMs: number | undefined, fromMs: number | undefined): number | undefined =>
    toMs === undefined || fromMs === undefined ? undefined : (toMs - fromMs) / 1000;
  const clients = input.clients.map((client): ClientResult => {
    const used = client.processes.map((process) => process.usage());
    return {
      host: client.host,
      startUpSeconds: client.loadSeconds + (since(client.connectedMs, client.wentMs) ?? 0),
      completeSeconds: since(client.completeMs, firstMs),
      ownSeconds: since(client.completeMs, client.connectedMs),
      cpuSeconds: sumOf(used, 'cpuSeconds') - client.loadedCpuSeconds,
      systemSeconds: sumOf(used, 'systemSeconds'),
      peakBytes: peakOf(used),
      sentBytes: traffic[client.host]?.sent ?? 0,
      receivedBytes: traffic[client.host]?.received ?? 0,
      failure: client.failure,
    };
  });
  const firstGoMs = Math.min(...input.clients.map(({ wentMs }) => wentMs));
  const seconds = lastOf(clients.map(({ completeSeconds }) => completeSeconds));
  const used = [input.source?.usage()];
  const sentBytes = traffic[0]?.sent ?? 0;
  return {
    contender,
    contentBytes,
    clients,
    seconds,
    fromGoSeconds: seconds === undefined ? undefined : seconds + (firstMs - firstGoMs) / 1000,
    source: {
      cpuSeconds: sumOf(used, 'cpuSeconds'),
      systemSeconds: sumOf(used, 'systemSeconds'),
      peakBytes: peakOf(used),
      sentBytes,
    },
    copies: sentBytes / contentBytes,
  };
}

/** The last of all; undefined where one never came. */
function lastOf(times: readonly (number | undefined)[]): number | undefined {
  return times.includes(undefined) ? undefined : Math.max(...times.map((one) => one ?? 0));
}

function sumOf(used: readonly (Usage | undefined)[], what: 'cpuSeconds' | 'systemSeconds'): number {
  return used.reduce((sum, one) => sum + (one?.[what] ?? 0), 0);
}

function peakOf(used: readonly (Usage | undefined)[]): number {
  return Math.max(0, ...used.map((one) => one?.peakBytes ?? 0));
}
