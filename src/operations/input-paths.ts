import { isSafePath } from '../domain/bundle.js';
import { isWebAddress } from '../domain/web-address.js';

/**
 * Where input files stand in a bundle: relative to the folder that holds them all, so that files
 * which name each other still find each other, and nothing of the machine's folders travels. Those that
 * were fetched lie apart from them, by their host: `fetched/HOST/NAME`.
 */
export function inputPaths(paths: readonly string[]): string[] {
  const here = pathsHere(paths.filter((path) => !isWebAddress(path)));
  const tops = new Set(here.map((path) => path.split('/', 1)[0]?.toLowerCase()));
  let folder = 'fetched';
  for (let count = 2; tops.has(folder); count += 1) folder = `fetched-${count}`;
  const taken = new Set<string>();
  return paths.map((path) =>
    isWebAddress(path) ? fetchedPath(path, folder, taken) : (here.shift() ?? ''),
  );
}

/** Of plain letters alone: a requirements file names it without quotes. */
function fetchedPath(address: string, folder: string, taken: Set<string>): string {
  const { host, pathname } = new URL(address);
  const name = plainSegment(pathname.slice(pathname.lastIndexOf('/') + 1));
  const place = (count: number): string =>
    `${folder}/${plainSegment(host)}/${count === 1 ? name : `${count}-${name}`}`;
  let count = 1;
  while (taken.has(place(count).toLowerCase())) count += 1;
  taken.add(place(count).toLowerCase());
  return place(count);
}

function pathsHere(paths: readonly string[]): string[] {
  const split = paths.map(segments);
  const folders = split.map((parts) => parts.slice(0, -1));
  let shared = 0;
  const [first = []] = folders;
  while (
    shared < first.length &&
    folders.every((parts) => parts.length > shared && parts[shared] === first[shared])
  ) {
    shared += 1;
  }
  const taken = new Set<string>();
  return split.map((parts) => {
    const path = parts.slice(shared).map(safeSegment).join('/') || 'input';
    let unique = path;
    // Two names may become one when unsafe characters go; at most as many tries as there are files.
    for (let count = 2; taken.has(unique.toLowerCase()); count += 1) unique = `${count}-${path}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

function segments(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.replaceAll('\\', '/').split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else parts.push(part);
  }
  return parts;
}

function safeSegment(segment: string): string {
  if (segment === '..') return 'up';
  if (isSafePath(segment)) return segment;
  return plainSegment(segment);
}

function plainSegment(segment: string): string {
  const safe = segment.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(-200);
  return isSafePath(safe) ? safe : 'input';
}
