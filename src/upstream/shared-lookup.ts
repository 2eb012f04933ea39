import { lookup as systemLookup, type LookupAllOptions, type LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { BOUNDS } from '../domain/bounds.js';

type Callback = Parameters<LookupFunction>[2];
type Answer = Parameters<Callback>;

/**
 * Names looked up once for all connections that are opened at a time. Each lookup of the system's takes
 * one of the few threads that read files too, and resolvers drop what comes in bursts: a name that
 * does not exist would hold everything up for their timeouts, once a connection.
 * @param nowMs a monotonic clock.
 */
export function sharedLookup(
  nowMs: () => number = () => performance.now(),
  lookup: LookupFunction = (name, options, callback) =>
    systemLookup(name, options as LookupAllOptions, callback as never),
): LookupFunction {
  const known = new Map<string, { answer: Promise<Answer>; untilMs: number }>();
  return (name, options, callback) => {
    const key = `${name} ${JSON.stringify(options satisfies LookupOptions)}`;
    const before = known.get(key);
    if (before !== undefined && nowMs() < before.untilMs) {
      void before.answer.then((answer) => callback(...answer));
      return;
    }
    const answer = new Promise<Answer>((resolve) =>
      lookup(name, options, (...result) => resolve(result)),
    );
    if (known.size >= BOUNDS.knownNames) known.clear();
    known.set(key, { answer, untilMs: nowMs() + BOUNDS.knownNameMs });
    void answer.then((result) => callback(...result));
  };
}
