/** One request that was answered, or broken off, as log and metrics see it. */
export interface Answered {
  /** ISO 8601. */
  at: string;
  remote: string;
  method: string;
  /** As it stood in the request line. */
  target: string;
  /** An ecosystem's mount; `own` for the gateway's pages, `refused` for what was not let in. */
  mount: string;
  status: number;
  /** Bytes that were handed to the network, headers included. */
  bytes: number;
  ms: number;
  agent: string | undefined;
  /** Whether the client left, or the answer failed, before its end. */
  brokenOff: boolean;
}
