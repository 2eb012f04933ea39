/** What a file says of a distribution's dependencies; requirements as Requires-Dist would write them. */
export interface WrittenDown {
  requires: string[];
  extras: string[];
  requiresPython: string | undefined;
}

/**
 * Reads requires.txt of an egg-info: requirements under `[extra]`, `[:marker]` and `[extra:marker]`.
 * @see https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html
 */
export function requirementsOfEggInfo(text: string): WrittenDown {
  const requires: string[] = [];
  const extras = new Set<string>();
  let conditions: string[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    const section = /^\[([^\]:]*)(?::(.*))?\]$/.exec(line);
    if (section) {
      const [, extra = '', marker = ''] = section;
      if (extra !== '') extras.add(extra);
      conditions = [
        ...(marker === '' ? [] : [`(${marker})`]),
        ...(extra === '' ? [] : [`extra == "${extra}"`]),
      ];
    } else if (line !== '' && !line.startsWith('#')) {
      requires.push(conditions.length === 0 ? line : conditioned(line, conditions));
    }
  }
  return { requires, extras: [...extras], requiresPython: undefined };
}

function conditioned(requirement: string, conditions: readonly string[]): string {
  const at = requirement.indexOf(';');
  const text = (at < 0 ? requirement : requirement.slice(0, at)).trim();
  const own = at < 0 ? [] : [`(${requirement.slice(at + 1).trim()})`];
  return `${text} ; ${[...own, ...conditions].join(' and ')}`;
}

/** Values that setuptools reads from elsewhere when it builds. */
const ELSEWHERE = /^\s*(?:file|attr)\s*:/;

/**
 * Reads `[options]` of a setup.cfg; undefined where it says nothing of dependencies, or takes them from
 * elsewhere.
 * @see https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
 */
export function requirementsOfSetupCfg(text: string): WrittenDown | undefined {
  const sections = sectionsOf(text);
  const options = sections.get('options');
  if (options === undefined) return undefined;
  const extras = [...(sections.get('options.extras_require') ?? [])];
  const install = options.get('install_requires') ?? '';
  if ([install, ...extras.map(([, value]) => value)].some((value) => ELSEWHERE.test(value))) {
    return undefined;
  }
  return {
    requires: [
      ...listOf(install),
      ...extras.flatMap(([extra, value]) =>
        listOf(value).map((line) => conditioned(line, [`extra == "${extra}"`])),
      ),
    ],
    extras: extras.map(([extra]) => extra),
    requiresPython: options.get('python_requires')?.trim(),
  };
}

/** One a line, or apart by semicolons on a single line. */
function listOf(value: string): string[] {
  const lines = value.includes('\n') ? value.split('\n') : value.split(';');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** Python's configparser, as far as setup.cfg uses it. */
function sectionsOf(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(?:[#;].*)?$/.test(line)) continue;
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line);
    if (header !== undefined) {
      section = sections.get(header) ?? new Map<string, string>();
      sections.set(header, section);
      key = undefined;
    } else if (/^\s/.test(line) && section !== undefined && key !== undefined) {
      section.set(key, `${section.get(key) ?? ''}\n${line.trim()}`);
    } else if (pair !== null && section !== undefined) {
      key = (pair[1] ?? '').toLowerCase();
      section.set(key, pair[2] ?? '');
    }
  }
  return sections;
}
