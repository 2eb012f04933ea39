import { LRUCache } from 'lru-cache';

/** So many texts are remembered; the same one is told again after so long. */
const TOLD = 1_000;
const TOLD_AGAIN_MS = 600_000;

/** Tells a text that is told again and again only every now and then: what it says of an address counts. */
export function warnRarely(warn: (message: string) => void): (message: string) => void {
  const told = new LRUCache<string, true>({ max: TOLD, ttl: TOLD_AGAIN_MS });
  return (message) => {
    // Behind it the address that was asked for and the reason differ from one to the next.
    const what = message.replace(/: GET .*$/s, '');
    if (!told.has(what)) warn(message);
    told.set(what, true);
  };
}
