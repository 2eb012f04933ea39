import { BOUNDS } from '../domain/bounds.js';

/** One login of a netrc file; `machine` is undefined for the `default` entry. */
export interface NetrcEntry {
  machine: string | undefined;
  login: string;
  password: string;
}

/**
 * Parses a netrc file as curl and Python's netrc module read it: tokens apart by white space, quotes
 * around those that hold some, comments from a `#` where a keyword could stand, `macdef` bodies
 * skipped to the next empty line. What is not understood is passed over; an entry with neither login
 * nor password is none.
 */
export function parseNetrc(text: string): NetrcEntry[] {
  const reader = new NetrcReader();
  for (const line of text.slice(0, BOUNDS.netrcBytes).split(/\r?\n/)) reader.line(line);
  return reader.finish();
}

/** The login for a host: the first entry that names it, else the default entry. */
export function lookUpNetrc(
  entries: readonly NetrcEntry[],
  hostname: string,
): NetrcEntry | undefined {
  const host = hostname.toLowerCase();
  return (
    entries.find((entry) => entry.machine?.toLowerCase() === host) ??
    entries.find((entry) => entry.machine === undefined)
  );
}

type Field = 'machine' | 'login' | 'password' | 'ignored';

const VALUE_OF: Readonly<Record<string, Field>> = {
  machine: 'machine',
  login: 'login',
  user: 'login',
  password: 'password',
  account: 'ignored',
};

class NetrcReader {
  readonly #entries: NetrcEntry[] = [];
  #open: Partial<NetrcEntry> | undefined;
  /** The keyword whose value comes next. */
  #awaited: Field | undefined;
  #inMacro = false;

  line(line: string): void {
    if (this.#inMacro) {
      this.#inMacro = line.trim() !== '';
      return;
    }
    for (const match of line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
      const [, quoted, bare = ''] = match;
      if (this.#awaited !== undefined) this.#value(quoted?.replace(/\\(.)/g, '$1') ?? bare);
      else if (bare.startsWith('#')) return;
      else if (bare === 'macdef') {
        this.#inMacro = true;
        return;
      } else this.#keyword(bare);
    }
  }

  finish(): NetrcEntry[] {
    this.#close();
    return this.#entries;
  }

  #keyword(word: string): void {
    if (word === 'default') {
      this.#close();
      this.#open = { machine: undefined };
    } else if (Object.hasOwn(VALUE_OF, word)) this.#awaited = VALUE_OF[word];
  }

  #value(value: string): void {
    const field = this.#awaited;
    this.#awaited = undefined;
    if (field === 'machine') {
      this.#close();
      this.#open = { machine: value };
    } else if (field !== 'ignored' && field !== undefined && this.#open !== undefined) {
      this.#open[field] = value;
    }
  }

  #close(): void {
    const entry = this.#open;
    this.#open = undefined;
    if (entry === undefined) return;
    const { machine, login, password } = entry;
    if (login === undefined && password === undefined) return;
    this.#entries.push({ machine, login: login ?? '', password: password ?? '' });
  }
}
