/**
 * Order of Debian package versions.
 * @see deb-version(7), Debian Policy section 5.6.12
 */

/** Below zero, zero or above zero as `a` is older than, equal to or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [epochA, upstreamA, revisionA] = splitVersion(a);
  const [epochB, upstreamB, revisionB] = splitVersion(b);
  if (epochA !== epochB) return epochA - epochB;
  return comparePart(upstreamA, upstreamB) || comparePart(revisionA, revisionB);
}

/** Whether a text can be a version at all; the archive may hold laxer ones than Policy allows. */
export function isVersion(text: string): boolean {
  return /^(?:[0-9]+:)?[0-9A-Za-z][0-9A-Za-z.+:~_-]*$/.test(text) && text.length <= 512;
}

function splitVersion(version: string): [epoch: number, upstream: string, revision: string] {
  const colon = version.indexOf(':');
  const epoch = colon > 0 ? Number(version.slice(0, colon)) : 0;
  const rest = colon >= 0 ? version.slice(colon + 1) : version;
  const dash = rest.lastIndexOf('-');
  return dash < 0
    ? [epoch || 0, rest, '']
    : [epoch || 0, rest.slice(0, dash), rest.slice(dash + 1)];
}

const ZERO = 48;
const NINE = 57;

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** dpkg's order of a character: the end and digits weigh nothing, `~` less, letters before all else. */
function weight(text: string, at: number): number {
  if (at >= text.length) return 0;
  const code = text.charCodeAt(at);
  if (isDigit(code)) return 0;
  if (code === 126) return -1;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code : code + 256;
}

function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while (
      (i < a.length && !isDigit(a.charCodeAt(i))) ||
      (j < b.length && !isDigit(b.charCodeAt(j)))
    ) {
      const difference = weight(a, i) - weight(b, j);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    while (a.charCodeAt(i) === ZERO) i++;
    while (b.charCodeAt(j) === ZERO) j++;
    let firstDifference = 0;
    while (isDigit(a.charCodeAt(i)) && isDigit(b.charCodeAt(j))) {
      firstDifference ||= a.charCodeAt(i) - b.charCodeAt(j);
      i++;
      j++;
    }
    if (isDigit(a.charCodeAt(i))) return 1;
    if (isDigit(b.charCodeAt(j))) return -1;
    if (firstDifference !== 0) return firstDifference;
  }
  return 0;
}

const MAX_EPOCH = 2 ** 31 - 1;

/** Whether dpkg installs what has this version: it is stricter than the order needs (deb-version(7)). */
export function isDpkgVersion(text: string): boolean {
  const [, epoch, rest = ''] = /^(?:([0-9]+):)?([A-Za-z0-9.+~:-]+)$/.exec(text) ?? [];
  const [, upstream, revision] = splitVersion(`0:${rest}`);
  const isWhole = upstream !== '' && !(rest.includes('-') && revision === '');
  const hasColon = epoch === undefined ? rest.includes(':') : revision.includes(':');
  return isWhole && !hasColon && Number(epoch ?? 0) <= MAX_EPOCH;
}
