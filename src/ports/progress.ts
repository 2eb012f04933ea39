/** What an operation tells while it runs. A command renders it; `--json` prints it as it is. */
export type ProgressEvent =
  | { event: 'step'; text: string }
  | { event: 'warning'; message: string }
  | {
      event: 'progress';
      bytes: number;
      total: number;
      fromMaster: number;
      fromSiblings: number;
      /** Verified bytes out of the public swarm, where it is asked. */
      fromSwarm?: number;
      bytesPerSecond: number;
      etaSeconds: number | undefined;
    };

export type Report = (event: ProgressEvent) => void;
