import { XError } from './errors.js';

/**
 * A package URL: `pkg:type/namespace/name@version?qualifiers#subpath`, components decoded.
 * A requirement may carry a range where a version stands (`pkg:npm/lodash@^4`).
 * @see https://github.com/package-url/purl-spec
 */
export interface Purl {
  type: string;
  namespace: string | undefined;
  name: string;
  version: string | undefined;
  qualifiers: Readonly<Record<string, string>>;
}

/** A purl found in a text list, with the place it stands. */
export interface PurlLine {
  purl: Purl;
  text: string;
  file: string;
  /** From 1. */
  line: number;
}

/** Parses a purl; undefined where it is none. */
export function parsePurl(text: string): Purl | undefined {
  const scheme = /^pkg:\/*/.exec(text);
  if (!scheme) return undefined;
  let rest = text.slice(scheme[0].length);
  const hash = rest.indexOf('#');
  if (hash >= 0) rest = rest.slice(0, hash);
  const question = rest.indexOf('?');
  const qualifierText = question >= 0 ? rest.slice(question + 1) : '';
  if (question >= 0) rest = rest.slice(0, question);
  // A scope may stand undecoded (`pkg:npm/@scope/name@1`), so the version's @ is the last one after the last slash.
  const lastSlash = rest.lastIndexOf('/');
  const at = rest.indexOf('@', lastSlash + 2);
  const version = at >= 0 ? decode(rest.slice(at + 1)) : undefined;
  const segments = (at >= 0 ? rest.slice(0, at) : rest).split('/').filter((part) => part !== '');
  const [type, ...names] = segments.map(decode);
  const name = names.pop();
  if (type === undefined || name === undefined || !/^[A-Za-z][A-Za-z0-9.+-]*$/.test(type)) {
    return undefined;
  }
  if (version === undefined ? at >= 0 : version === '') return undefined;
  const qualifiers = parseQualifiers(qualifierText);
  if (names.includes(undefined) || qualifiers === undefined) return undefined;
  return {
    type: type.toLowerCase(),
    namespace: names.length > 0 ? names.join('/') : undefined,
    name,
    version,
    qualifiers,
  };
}

/** The canonical text of a purl. */
export function formatPurl(
  purl: Omit<Purl, 'qualifiers'> & { qualifiers?: Purl['qualifiers'] },
): string {
  const encode = (part: string): string => encodeURIComponent(part).replaceAll('%3A', ':');
  const namespace =
    purl.namespace === undefined ? '' : `${purl.namespace.split('/').map(encode).join('/')}/`;
  const version = purl.version === undefined ? '' : `@${encode(purl.version)}`;
  const qualifiers = Object.entries(purl.qualifiers ?? {})
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${encode(value)}`)
    .join('&');
  return `pkg:${purl.type}/${namespace}${encode(purl.name)}${version}${qualifiers === '' ? '' : `?${qualifiers}`}`;
}

// Ranges may have spaces: `pkg:npm/lodash@^3 || ^4`.
const PURL_LINE = /^\s*(?:#x\s+)?(pkg:\S*(?:\s+[^\s#]\S*)*)(?:\s+#.*)?\s*$/;
const MARKED_LINE = /^\s*#x(?:\s+(.*\S))?\s*$/;

/** Whether a line of a text list is a purl, or means to be one. */
export function isPurlLine(text: string): boolean {
  return PURL_LINE.test(text) || MARKED_LINE.test(text);
}

/**
 * The purl that a line of a text list holds: `pkg:…` alone, or `#x pkg:…` so that the file stays one
 * that pip reads too. Undefined where the line is no purl line.
 * @throws XError INPUT_MALFORMED where it means to be one and does not parse.
 */
export function purlOfLine(text: string, file: string, line: number): PurlLine | undefined {
  const match = PURL_LINE.exec(text) ?? MARKED_LINE.exec(text);
  if (!match) return undefined;
  const purl = parsePurl(match[1] ?? '');
  if (!purl) {
    const column = Math.max(text.indexOf('pkg:'), 0) + 1;
    throw new XError(
      'INPUT_MALFORMED',
      `${file}:${line}:${column}: not a package URL: ${text.trim()}`,
      {
        hint: 'Write pkg:TYPE/NAME@VERSION, for example pkg:npm/lodash@^4 or pkg:deb/debian/hello.',
      },
    );
  }
  return { purl, text: text.trim(), file, line };
}

function parseQualifiers(text: string): Record<string, string> | undefined {
  const qualifiers: Record<string, string> = {};
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const value = equals > 0 ? decode(pair.slice(equals + 1)) : undefined;
    if (value === undefined) return undefined;
    qualifiers[pair.slice(0, equals).toLowerCase()] = value;
  }
  return qualifiers;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
