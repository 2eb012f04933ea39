/** Fields of one stanza by lower-case name, continuation lines joined by newlines, as written otherwise. */
export type Stanza = ReadonlyMap<string, string>;

export interface StanzaFault {
  /** From 1. */
  line: number;
  problem: string;
}

/**
 * Parses a small deb822 text (Release, control, *.sources, preferences) into its stanzas.
 * Comment lines start with `#`.
 * @returns the first fault instead, where the text is malformed.
 * @see deb822(5)
 */
export function parseStanzas(text: string): Stanza[] | StanzaFault {
  const stanzas: Stanza[] = [];
  let fields = new Map<string, string>();
  let last: string | undefined;
  const lines = text.split('\n');
  for (const [index, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.startsWith('#')) continue;
    if (line.trim() === '') {
      if (fields.size > 0) stanzas.push(fields);
      fields = new Map();
      last = undefined;
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (last === undefined)
        return { line: index + 1, problem: 'a continuation line continues nothing' };
      fields.set(last, `${fields.get(last) ?? ''}\n${line.trim()}`);
    } else {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (colon <= 0 || /\s/.test(name)) {
        return { line: index + 1, problem: `no field: ${line.slice(0, 60)}` };
      }
      if (fields.has(name)) return { line: index + 1, problem: `the field ${name} stands twice` };
      fields.set(name, line.slice(colon + 1).trim());
      last = name;
    }
  }
  if (fields.size > 0) stanzas.push(fields);
  return stanzas;
}

/** Whether parseStanzas found a fault. */
export function isFault(parsed: Stanza[] | StanzaFault): parsed is StanzaFault {
  return !Array.isArray(parsed);
}

/** The words of a field, separated by whitespace. */
export function wordsOf(value: string | undefined): string[] {
  return (value ?? '').split(/\s+/).filter((word) => word !== '');
}

/** apt's reading of a yes or no; undefined where it is neither. */
export function booleanOf(value: string | undefined): boolean | undefined {
  const text = value?.trim().toLowerCase();
  if (text === undefined) return undefined;
  if (['yes', 'true', 'with', 'on', 'enable', '1'].includes(text)) return true;
  if (['no', 'false', 'without', 'off', 'disable', '0'].includes(text)) return false;
  return undefined;
}
