import { useEffect, useState } from 'preact/hooks';
import type { Status } from '../ports/insight.js';

/** The process's status as it is told, and what changed between the last two. */
export interface Live {
  status: Status | undefined;
  /** Bytes a second that come in and go out. */
  inPerSecond: number;
  outPerSecond: number;
  /** False while the gateway does not answer; the browser keeps trying. */
  isConnected: boolean;
}

interface Sample {
  atMs: number;
  bytesIn: number;
  bytesOut: number;
}

/** Over how long a speed is taken. */
const RATE_MS = 4_000;

export function useLive(): Live {
  const [live, setLive] = useState<Live>({
    status: undefined,
    inPerSecond: 0,
    outPerSecond: 0,
    isConnected: true,
  });
  useEffect(() => {
    const events = new EventSource('/api/events');
    let samples: Sample[] = [];
    events.addEventListener('status', (event: MessageEvent<string>) => {
      const status = JSON.parse(event.data) as Status;
      const now = sampleOf(status);
      samples = [...samples.filter(({ atMs }) => now.atMs - atMs <= RATE_MS), now];
      setLive({ status, ...ratesOf(samples), isConnected: true });
    });
    events.addEventListener('error', () => setLive((last) => ({ ...last, isConnected: false })));
    return () => events.close();
  }, []);
  return live;
}

function sampleOf({ at, peers }: Status): Sample {
  const sum = (field: 'bytesIn' | 'bytesOut'): number =>
    peers.reduce((all, peer) => all + peer[field], 0);
  return { atMs: Date.parse(at), bytesIn: sum('bytesIn'), bytesOut: sum('bytesOut') };
}

/** A peer that left takes its bytes along: the difference is then taken as nothing. */
function ratesOf(samples: readonly Sample[]): Pick<Live, 'inPerSecond' | 'outPerSecond'> {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || first === last) {
    return { inPerSecond: 0, outPerSecond: 0 };
  }
  const seconds = Math.max((last.atMs - first.atMs) / 1000, 0.001);
  return {
    inPerSecond: Math.max(0, (last.bytesIn - first.bytesIn) / seconds),
    outPerSecond: Math.max(0, (last.bytesOut - first.bytesOut) / seconds),
  };
}
