import { realpath, stat } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';

/** Where systems mount what is plugged in. */
const PLACES = ['/media', '/run/media', '/mnt', '/Volumes'];

/**
 * The folder for a medium that a path lies in, or is, where none is mounted: what is written there
 * stays on this machine's own disk. Undefined for every other path.
 */
export async function unmountedPlace(
  path: string,
  places: readonly string[] = PLACES,
): Promise<string | undefined> {
  const folder = await nearestReal(resolve(path));
  const place = places.find((one) => isBelow(folder.wanted, one));
  if (place === undefined) return undefined;
  const [own, outside] = await Promise.all([stat(folder.real), statOrUndefined(dirname(place))]);
  return outside === undefined || own.dev === outside.dev ? folder.wanted : undefined;
}

/** The nearest folder that is there, its links followed, and the whole path below it. */
async function nearestReal(path: string): Promise<{ real: string; wanted: string }> {
  for (let at = path; ; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined);
    if (real !== undefined) return { real, wanted: resolve(real, relative(at, path)) };
    if (dirname(at) === at) return { real: at, wanted: path };
  }
}

function isBelow(path: string, place: string): boolean {
  return path === place || path.startsWith(place + sep);
}

async function statOrUndefined(path: string): Promise<{ dev: number } | undefined> {
  return await stat(path).catch(() => undefined);
}
