import { XError } from '../../../domain/errors.js';
import type { AptFile } from '../../../ports/apt.js';
import { booleanOf, isFault, parseStanzas, wordsOf, type Stanza } from '../deb822.js';

/** One suite of one repository, as apt's sources name it. */
export interface AptSource {
  /** With a trailing slash, credentials included where they are written. */
  uri: string;
  /** `bookworm`, or a path that ends in a slash: a flat repository. */
  suite: string;
  /** Empty for a flat repository. */
  components: string[];
  /** Undefined: every one that is asked for. */
  architectures: string[] | undefined;
  /** Of those, the ones that are not read all the same. */
  exceptArchitectures: string[];
  /** The only packages that are read from it; undefined: all. */
  include: string[] | undefined;
  /** Packages that are not read from it. */
  exclude: string[];
  /** Paths of keyrings, fingerprints, or one armored key. */
  signedBy: string[];
  checkValidUntil: boolean | undefined;
  checkDate: boolean | undefined;
  /** `file:line`, for messages. */
  where: string;
}

/**
 * The enabled `deb` sources of apt's files, in order, each suite on its own.
 * @throws XError INPUT_MALFORMED.
 * @see sources.list(5)
 */
export function parseAptSources(files: readonly AptFile[]): AptSource[] {
  const sources = files.flatMap((file) =>
    file.path.endsWith('.sources') ? parseDeb822(file) : parseOneLine(file),
  );
  const seen = new Set<string>();
  return sources.filter((source) => {
    const key = [source.uri, source.suite, ...source.components].join(' ');
    return !seen.has(key) && Boolean(seen.add(key));
  });
}

function parseOneLine(file: AptFile): AptSource[] {
  return file.text.split('\n').flatMap((raw, index) => {
    const where = `${file.path}:${index + 1}`;
    const line = raw.replace(/#.*/, '').trim();
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+\S+)*)$/.exec(line);
    if (!match) {
      if (line === '' || /^deb-src\s/.test(line)) return [];
      throw malformed(where, line);
    }
    const [, optionText = '', uri = '', suite = '', components = ''] = match;
    const options = new Map(
      [...optionText.matchAll(/([A-Za-z-]+?)([+-]?)=("[^"]*"|\S+)/g)].map(
        ([, name = '', change = '', value = '']) => [
          (OPTION_FIELDS[name.toLowerCase()] ?? name.toLowerCase()) + (CHANGES[change] ?? ''),
          value.replaceAll('"', '').replaceAll(',', ' '),
        ],
      ),
    );
    return [sourceOf(options, uri, suite, wordsOf(components), where)];
  });
}

/** The one-line format's names of fields. */
const OPTION_FIELDS: Readonly<Record<string, string>> = { arch: 'architectures' };
/** `arch+=i386` is deb822's Architectures-Add. */
const CHANGES: Readonly<Record<string, string>> = { '+': '-add', '-': '-remove' };

function parseDeb822(file: AptFile): AptSource[] {
  const stanzas = parseStanzas(file.text);
  if (isFault(stanzas)) throw malformed(`${file.path}:${stanzas.line}`, stanzas.problem);
  return stanzas.flatMap((stanza, index) => {
    const where = `${file.path}, stanza ${index + 1}`;
    if (booleanOf(stanza.get('enabled')) === false) return [];
    if (!wordsOf(stanza.get('types')).includes('deb')) return [];
    const uris = wordsOf(stanza.get('uris'));
    const suites = wordsOf(stanza.get('suites'));
    if (uris.length === 0 || suites.length === 0) throw malformed(where, 'no URIs or no Suites');
    const components = wordsOf(stanza.get('components'));
    return uris.flatMap((uri) =>
      suites.map((suite) => sourceOf(stanza, uri, suite, components, where)),
    );
  });
}

function sourceOf(
  options: Stanza,
  uri: string,
  suite: string,
  components: string[],
  where: string,
): AptSource {
  if (!/^(https?|file):/.test(uri)) {
    throw new XError('INPUT_MALFORMED', `${where}: cannot fetch from ${uri.split(':')[0]}:`, {
      hint: 'X reads http, https and file addresses; disable this source or use such a mirror.',
    });
  }
  if (suite.endsWith('/') !== (components.length === 0)) {
    throw malformed(
      where,
      `suite ${suite} ${components.length === 0 ? 'without' : 'with'} components`,
    );
  }
  const [include, exclude = []] = ['include', 'exclude'].map((field) => {
    const value = options.get(field);
    return value === undefined ? undefined : wordsOf(value);
  });
  if (include !== undefined && exclude.length > 0) {
    throw malformed(where, 'both Include and Exclude');
  }
  const named = wordsOf(options.get('architectures'));
  // What is added to dpkg's own architectures is read where it is asked for: as without it.
  const added = named.length === 0 ? [] : wordsOf(options.get('architectures-add'));
  const architectures = [...named, ...added];
  return {
    uri: uri.endsWith('/') ? uri : `${uri}/`,
    suite,
    components,
    architectures: architectures.length === 0 ? undefined : architectures,
    exceptArchitectures: wordsOf(options.get('architectures-remove')),
    include,
    exclude,
    signedBy: signedByOf(options.get('signed-by')),
    checkValidUntil: booleanOf(options.get('check-valid-until')),
    checkDate: booleanOf(options.get('check-date')),
    where,
  };
}

/** With what stands for the system's architecture in a suite or address written out. */
export function writtenOut(source: AptSource, architecture: string): AptSource {
  const written = (text: string): string => text.replaceAll('$(ARCH)', architecture);
  return { ...source, uri: written(source.uri), suite: written(source.suite) };
}

/** A key may stand in the stanza itself; its empty lines are written as dots. */
function signedByOf(value: string | undefined): string[] {
  if (value === undefined) return [];
  if (!value.includes('-----BEGIN PGP')) return wordsOf(value.replaceAll(',', ' '));
  const lines = value.trim().split('\n');
  return [lines.map((line) => (line.trim() === '.' ? '' : line)).join('\n')];
}

function malformed(where: string, text: string): XError {
  return new XError('INPUT_MALFORMED', `${where}: not an apt source: ${text.slice(0, 120)}`, {
    hint: 'See sources.list(5), or name the repository with --debian-mirror and --debian-suite.',
  });
}
