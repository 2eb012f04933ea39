import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { MalformedLines } from '../../domain/malformed.js';
import { isPurlLine, purlOfLine, type PurlLine } from '../../domain/purl.js';
import { canonicalArch } from '../../domain/target.js';
import { parseRelation, type Operator } from './relation.js';
import { isVersion } from './version.js';

/** A way to ask for several packages at once, or for what a file needs. */
export type Selector =
  /** `web-server^`: all packages of a task. */
  | { kind: 'task'; task: string }
  /** `php8.2-*`: the packages whose names fit. */
  | { kind: 'glob'; glob: string }
  /** apt's patterns `?essential` and `?priority(required)`. */
  | { kind: 'priority'; priority: string }
  | { kind: 'essential' }
  /** `./tool.deb`: what a local package needs, not the package itself. */
  | { kind: 'file'; path: string };

/** One line of what the user asks for. */
export interface DebianRequirement {
  /** Given where it names no single package; the fields below say nothing then. */
  selector?: Selector | undefined;
  name: string;
  /** Undefined: the target's own. */
  architecture: string | undefined;
  op: Operator | undefined;
  /** Given with `op`. */
  version: string;
  /** A suite or codename that it must come from. */
  suite: string | undefined;
  /** Only for targets of this release, where one is given (a purl's `distro`). */
  distro: string | undefined;
  /** As written, for messages. */
  text: string;
  /** `file:line`. */
  where: string;
}

export interface DebianRequirements {
  requirements: DebianRequirement[];
  purls: PurlLine[];
}

const SELECTION = /^([a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?)\s+(install|hold|deinstall|purge)$/;

/** Whether a text is what `dpkg --get-selections` prints. */
export function isSelections(text: string): boolean {
  const lines = text.split('\n', 50).filter((line) => line.trim() !== '');
  return lines.length > 0 && lines.every((line) => SELECTION.test(line.trim()));
}

/**
 * Parses a list of Debian packages: one a line as apt-get takes them (`name`, `name:arch`,
 * `name=version`, `name/suite`), with a range (`name (>= 1.2)`), as `dpkg --get-selections` prints
 * them, or as a purl of any ecosystem; `#` begins a comment.
 * @throws XError INPUT_MALFORMED, LIMIT_EXCEEDED.
 */
export function parseRequirements(text: string, file: string): DebianRequirements {
  const lines = text.split('\n');
  if (lines.length > BOUNDS.requirementLines) {
    throw new XError('LIMIT_EXCEEDED', `${file}: more than ${BOUNDS.requirementLines} lines`);
  }
  const parsed: DebianRequirements = { requirements: [], purls: [] };
  const malformed = new MalformedLines();
  for (const [index, raw] of lines.entries()) {
    malformed.attempt(() => readLine(raw.replace(/\r$/, ''), file, index + 1, parsed));
  }
  malformed.throwIfAny();
  return parsed;
}

function readLine(raw: string, file: string, number: number, into: DebianRequirements): void {
  if (isPurlLine(raw)) {
    const purl = purlOfLine(raw, file, number);
    if (purl !== undefined) into.purls.push(purl);
    return;
  }
  const line = raw.replace(/(^|\s)#.*/, '').trim();
  if (line === '') return;
  const selection = SELECTION.exec(line);
  if (selection?.[2] === 'deinstall' || selection?.[2] === 'purge') return;
  const where = `${file}:${number}`;
  const requirement = parseRequirement(selection?.[1] ?? line, where);
  if (requirement === undefined) {
    const column = raw.length - raw.trimStart().length + 1;
    throw new XError('INPUT_MALFORMED', `${where}:${column}: not a Debian package: ${line}`, {
      hint: 'Write name, name=version, name (>= version), name/suite, name:architecture, task^, a pattern like php8.2-* or ./file.deb, one a line.',
    });
  }
  into.requirements.push(requirement);
}

function parseRequirement(text: string, where: string): DebianRequirement | undefined {
  const shared = { text, where, distro: undefined, suite: undefined };
  const selector = selectorOf(text);
  if (selector !== undefined) {
    return { ...shared, selector, name: '', architecture: undefined, op: undefined, version: '' };
  }
  const exact = /^([^\s=/:]+)(?::([a-z0-9-]+))?=(\S+)$/.exec(text);
  if (exact) {
    const [, name = '', architecture, version = ''] = exact;
    if (!isVersion(version) || !parseRelation(name)) return undefined;
    return { ...shared, name, architecture, op: '=', version };
  }
  const fromSuite = /^([^\s=/:]+)(?::([a-z0-9-]+))?\/([A-Za-z0-9][A-Za-z0-9./_-]*)$/.exec(text);
  if (fromSuite) {
    const [, name = '', architecture, suite] = fromSuite;
    if (!parseRelation(name)) return undefined;
    return { ...shared, name, architecture, op: undefined, version: '', suite };
  }
  const relation = parseRelation(text);
  if (relation === undefined) return undefined;
  const { name, arch, op, version } = relation;
  const architecture = arch === 'any' || arch === 'native' ? undefined : arch;
  return { ...shared, name, architecture, op, version };
}

/** @see apt-get(8), "install"; apt-patterns(7) */
function selectorOf(text: string): Selector | undefined {
  const task = /^([a-z0-9][a-z0-9.+-]*)\^$/.exec(text)?.[1];
  if (task !== undefined) return { kind: 'task', task };
  if (text === '?essential' || text === '~E') return { kind: 'essential' };
  const priority = /^(?:\?priority\(|~p)(required|important|standard|optional|extra)\)?$/.exec(
    text,
  );
  if (priority?.[1] !== undefined) return { kind: 'priority', priority: priority[1] };
  if (/^[a-z0-9*?][a-z0-9.+*?-]*$/.test(text) && /[*?]/.test(text)) {
    return { kind: 'glob', glob: text };
  }
  if (/^(\.{0,2}\/)\S.*\.deb$/.test(text)) return { kind: 'file', path: text };
  return undefined;
}

/**
 * The requirement that a purl states: `pkg:deb/debian/hello@2.10-3?arch=amd64&distro=bookworm`.
 * @see https://github.com/package-url/purl-spec, type deb
 */
export function requirementOfPurl({ purl, file, line, text }: PurlLine): DebianRequirement {
  const where = `${file}:${line}`;
  const { name, version, qualifiers } = purl;
  const asked = text.replace(/^#x\s+/, '');
  const relation = parseRelation(name);
  if (relation === undefined || (version !== undefined && !isVersion(version))) {
    throw new XError('INPUT_MALFORMED', `${where}:1: not a Debian package: ${text}`, {
      hint: 'Write pkg:deb/debian/NAME or pkg:deb/debian/NAME@VERSION?arch=ARCHITECTURE.',
    });
  }
  const arch = qualifiers['arch'];
  return {
    name: relation.name,
    architecture: arch === undefined || arch === 'all' ? undefined : canonicalArch(arch),
    op: version === undefined ? undefined : '=',
    version: version ?? '',
    suite: undefined,
    // `debian-12` and the like name no codename, so they restrict nothing.
    distro: /^[a-z]+$/.test(qualifiers['distro'] ?? '') ? qualifiers['distro'] : undefined,
    text: asked,
    where,
  };
}
