import { normalizeName } from './filename.js';
import type { Marker, MarkerOperand } from './marker.js';
import { MARKER_VARIABLES } from './marker.js';
import { parseSpecifiers, type SpecifierSet } from './specifier.js';

/** A dependency specifier, PEP 508: `requests[security]>=2.8 ; python_version >= "3.9"`. */
export interface Requirement {
  /** Normalised. */
  name: string;
  /** Normalised, sorted, distinct. */
  extras: readonly string[];
  specifiers: SpecifierSet;
  url: string | undefined;
  marker: Marker | undefined;
  /** As written. */
  text: string;
}

/** What is wrong with a requirement, and where in its text. */
export interface RequirementProblem {
  message: string;
  /** From 0. */
  offset: number;
}

/** Longer texts are refused before they are read. */
const MAX_REQUIREMENT_LENGTH = 64 << 10;
const MAX_MARKER_NESTING = 64;

const VARIABLE_ALIASES: Readonly<Record<string, string>> = {
  'os.name': 'os_name',
  'sys.platform': 'sys_platform',
  'platform.version': 'platform_version',
  'platform.machine': 'platform_machine',
  'platform.python_implementation': 'platform_python_implementation',
  python_implementation: 'platform_python_implementation',
};
const VARIABLES: ReadonlySet<string> = new Set([...MARKER_VARIABLES, 'extra']);

class Problem extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

/**
 * Parses a dependency specifier.
 * @see https://packaging.python.org/en/latest/specifications/dependency-specifiers/
 */
export function parseRequirement(text: string): Requirement | RequirementProblem {
  if (text.length > MAX_REQUIREMENT_LENGTH) return { message: 'the line is too long', offset: 0 };
  try {
    return new Parser(text).requirement();
  } catch (thrown) {
    if (thrown instanceof Problem) return { message: thrown.message, offset: thrown.offset };
    throw thrown;
  }
}

/** Parses a marker alone, as `Marker(...)` of Python's `packaging` does. */
export function parseMarker(text: string): Marker | RequirementProblem {
  if (text.length > MAX_REQUIREMENT_LENGTH) return { message: 'the marker is too long', offset: 0 };
  try {
    return new Parser(text).wholeMarker();
  } catch (thrown) {
    if (thrown instanceof Problem) return { message: thrown.message, offset: thrown.offset };
    throw thrown;
  }
}

export function isProblem(
  parsed: Requirement | Marker | RequirementProblem,
): parsed is RequirementProblem {
  return 'message' in parsed;
}

class Parser {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  requirement(): Requirement {
    this.#space();
    const name = this.#identifier('a package name');
    this.#space();
    const extras = this.#extras();
    this.#space();
    let url: string | undefined;
    let specifiers: SpecifierSet = [];
    if (this.#take('@')) {
      this.#space();
      url = this.#match(/[^ \t]+/y) ?? this.#fail('expected an address after @');
      if (!this.#atEnd() && !this.#space()) this.#fail('expected a space after the address');
    } else specifiers = this.#specifiers();
    this.#space();
    const marker = this.#take(';') ? this.#marker(0) : undefined;
    this.#space();
    if (!this.#atEnd()) {
      const wanted = url === undefined ? 'a comma, a semicolon' : 'a space and a semicolon';
      this.#fail(`expected ${wanted} or the end`);
    }
    return { name: normalizeName(name), extras, specifiers, url, marker, text: this.#text.trim() };
  }

  wholeMarker(): Marker {
    const marker = this.#marker(0);
    this.#space();
    if (!this.#atEnd()) this.#fail('expected "and", "or" or the end of the marker');
    return marker;
  }

  #extras(): string[] {
    if (!this.#take('[')) return [];
    const extras = new Set<string>();
    this.#space();
    if (this.#take(']')) return [];
    for (;;) {
      extras.add(normalizeName(this.#identifier('the name of an extra')));
      this.#space();
      if (this.#take(']')) return [...extras].sort();
      if (!this.#take(',')) this.#fail('expected a comma or ] after an extra');
      this.#space();
    }
  }

  #specifiers(): SpecifierSet {
    const isEnclosed = this.#take('(');
    this.#space();
    const start = this.#at;
    // A clause ends at a comma, a semicolon, a closing bracket or a space that no operand follows.
    const text =
      this.#match(/(?:(?:===|==|~=|!=|<=|>=|<|>)[ \t]*[^\s,;()[\]]+[ \t]*(?:,[ \t]*)?)*/y) ?? '';
    if (/[^,\s][ \t]+(?:===|==|~=|!=|<=|>=|<|>)/.test(text)) {
      throw new Problem('expected a comma between version clauses', start);
    }
    const specifiers = parseSpecifiers(text);
    if (specifiers === undefined) {
      throw new Problem(`not a version specifier: ${text.trim()}`, start);
    }
    this.#space();
    if (isEnclosed && !this.#take(')')) this.#fail('expected ) after the version specifier');
    return specifiers;
  }

  #marker(nesting: number): Marker {
    if (nesting > MAX_MARKER_NESTING) this.#fail('the marker is nested too deeply');
    const alternatives: Marker[] = [];
    let conjunction: Marker[] = [this.#markerAtom(nesting)];
    for (;;) {
      const word = this.#match(/\b(?:or|and)\b/y);
      if (word === undefined) break;
      if (word === 'or') {
        alternatives.push(join('and', conjunction));
        conjunction = [];
      }
      conjunction.push(this.#markerAtom(nesting));
    }
    alternatives.push(join('and', conjunction));
    return join('or', alternatives);
  }

  #markerAtom(nesting: number): Marker {
    this.#space();
    let marker: Marker;
    if (this.#take('(')) {
      marker = this.#marker(nesting + 1);
      this.#space();
      if (!this.#take(')')) this.#fail('expected ) in the marker');
    } else marker = this.#comparison(nesting);
    this.#space();
    return marker;
  }

  /**
   * PEP 685 normalises the names of extras; Python's `packaging` does so outside brackets only, and
   * what it installs is what must be planned.
   */
  #comparison(nesting: number): Marker {
    const left = this.#operand();
    this.#space();
    const operator =
      this.#match(/===|==|~=|!=|<=|>=|<|>|\bin\b|\bnot[ \t]+in\b/y) ??
      this.#fail('expected a comparison in the marker');
    this.#space();
    const right = this.#operand();
    const isExtra = [left, right].some((side) => side.kind === 'variable' && side.name === 'extra');
    const side = (operand: MarkerOperand): MarkerOperand =>
      isExtra && nesting === 0 && operand.kind === 'literal'
        ? { kind: 'literal', value: normalizeName(operand.value) }
        : operand;
    return {
      kind: 'compare',
      left: side(left),
      operator: operator.replace(/[ \t]+/, ' '),
      right: side(right),
    };
  }

  #operand(): MarkerOperand {
    const quoted = this.#match(/'[^']*'|"[^"]*"/y);
    if (quoted !== undefined) return { kind: 'literal', value: quoted.slice(1, -1) };
    const start = this.#at;
    const word = this.#match(/[a-z_.]+\b/y) ?? this.#fail('expected a marker variable or a text');
    const name = VARIABLE_ALIASES[word] ?? word;
    if (!VARIABLES.has(name)) throw new Problem(`unknown marker variable "${word}"`, start);
    return { kind: 'variable', name };
  }

  #identifier(what: string): string {
    return (
      this.#match(/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/y) ?? this.#fail(`expected ${what}`)
    );
  }

  #space(): boolean {
    return this.#match(/[ \t]+/y) !== undefined;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (!match) return undefined;
    this.#at += match[0].length;
    return match[0];
  }

  #atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  #fail(message: string): never {
    throw new Problem(message, this.#at);
  }
}

function join(kind: 'and' | 'or', parts: Marker[]): Marker {
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : { kind, parts };
}
