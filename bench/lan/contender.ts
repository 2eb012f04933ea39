import type { ContentFile } from './content.js';
import type { Lan } from './lan.js';
import type { Told } from './host-process.js';

export type ContenderName = 'x' | 'libtorrent' | 'libtorrent-tuned' | 'nginx' | 'rsync' | 'stream';

/** `lying` sends wrong bytes and noise, `silent` never answers. */
export type StrangerKind = 'lying' | 'silent';

/** The same files for every contender. */
export interface Content {
  seed: string;
  files: readonly ContentFile[];
  bytes: number;
  /** Where they lie as plain files: a folder of their own that has nothing else. */
  plain: string;
  /** Where contenders keep what they made of them, once for all runs. */
  prepared: string;
}

export interface Stage {
  content: Content;
  lan: Lan;
  /** Of this trial alone; gone after it. */
  folder: string;
  /** Host 0 is the source. */
  clients: readonly number[];
  /** Given to every Node process of X. */
  nodeFlags: (host: number) => string[];
}

export interface Launch {
  command: string[];
  env?: NodeJS.ProcessEnv;
}

export interface ClientLaunch extends Launch {
  /**
   * `gated`: tells `loaded` and waits for the gate file, then tells `connected` and `complete`.
   * `plain`: connected as soon as it starts, complete when it ends with code 0.
   */
  manner: 'gated' | 'plain';
}

/** One way to bring files from one host to many. */
export interface Contender {
  name: ContenderName;
  /** Why it cannot run here; undefined where it can. */
  whyNot(): string | undefined;
  /** Whether it needs the files as plain files. */
  needsPlain: boolean;
  /** Once for all runs, before any clock. */
  prepare(content: Content): Promise<void>;
  /** Long-running, on host 0. */
  source(stage: Stage): Promise<Launch>;
  /** The event by which the source says that it serves; undefined: it answers on this TCP port. */
  serving: { event: string } | { port: number };
  /** A hostile peer of a kind, on a host of its own; undefined: there is none of it. */
  stranger?: (stage: Stage, host: number, kind: StrangerKind) => Promise<Launch>;
  client(
    stage: Stage,
    host: number,
    gate: string,
    serving: Told | undefined,
  ): Promise<ClientLaunch>;
}
