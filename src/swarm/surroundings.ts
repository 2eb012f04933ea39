import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../ports/clock.js';
import { checkChosen, Neighbourhood, readInterfaces } from './interfaces.js';

/** How old what is known of the interfaces may be. */
const FRESH_MS = 2_000;

/**
 * The neighbourhood of this machine, looked at anew where what is known is old: the same object for as long as
 * nothing has changed.
 * @param chosen Names of interfaces to use; none means all that are not virtual.
 * @throws XError USAGE where a chosen interface is not there at first; later it may go and come.
 */
export function watchSurroundings(chosen: readonly string[], clock: Clock): () => Neighbourhood {
  const read = (): ReturnType<typeof readInterfaces> =>
    readInterfaces(networkInterfaces(), (name) => existsSync(`/sys/class/net/${name}/tun_flags`));
  let interfaces = read();
  checkChosen(interfaces, chosen);
  let known = new Neighbourhood(interfaces, chosen);
  let readMs = clock.monotonicMs();
  return () => {
    const now = clock.monotonicMs();
    if (now - readMs < FRESH_MS) return known;
    readMs = now;
    const seen = read();
    if (isDeepStrictEqual(seen, interfaces)) return known;
    interfaces = seen;
    known = new Neighbourhood(interfaces, chosen);
    return known;
  };
}
