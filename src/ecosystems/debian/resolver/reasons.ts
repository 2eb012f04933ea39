import { XError } from '../../../domain/errors.js';

/** One link of the chain that shows why nothing fits. */
export interface Reason {
  /** `lacks`: a dependency that nothing meets; `held`, `kept`: installed packages that must stay. */
  kind: 'asked' | 'held' | 'kept' | 'needs' | 'lacks' | 'excludes';
  text: string;
  /** The package that it speaks of; undefined where it begins a chain. */
  about?: string | undefined;
  /** What is asked for, needed or missing. */
  what?: string | undefined;
  /** The packages that it leads to. */
  names: readonly string[];
  /** By way of which package the one that is excluded is met, where it is a virtual one. */
  provider?: string | undefined;
}

/** How many links an error shows from the beginning of a long chain, and from its end. */
const FIRST_LINKS = 16;
const LAST_LINKS = 8;
/** How many names stand in one line. */
const MAX_NAMES = 5;

/** Why no set of packages fits: link after link, and what could be changed. */
export function noAnswer(reasons: readonly Reason[]): XError {
  const lines = [...new Set(inOrder(merged(reasons)).map(({ text }) => text))];
  const left = lines.length - FIRST_LINKS - LAST_LINKS;
  const shown =
    left <= 1
      ? lines
      : [
          ...lines.slice(0, FIRST_LINKS),
          `… ${left} more like these …`,
          ...lines.slice(-LAST_LINKS),
        ];
  const message = ['no set of Debian packages fits:', ...shown].join('\n');
  return new XError('NOT_RESOLVABLE', message, { hint: hintFor(reasons) });
}

/** One link for all packages by way of which a virtual one is excluded. */
function merged(reasons: readonly Reason[]): Reason[] {
  return [...Map.groupBy(reasons, ({ text }) => text).values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    const providers = [...new Set(alike.flatMap(({ provider }) => provider ?? []))].sort();
    if (providers.length === 0) return [first];
    const verb = providers.length === 1 ? 'provides' : 'provide';
    return [{ ...first, text: `${first.text}, which ${listed(providers, 'and')} ${verb}` }];
  });
}

/** What is asked for first, then each link after one that leads to it; what excludes comes last. */
function inOrder(reasons: readonly Reason[]): Reason[] {
  const known = new Set<string>();
  const ordered: Reason[] = [];
  let open = reasons.filter(({ kind }) => kind !== 'excludes');
  while (open.length > 0) {
    const next = open.find(({ about }) => about === undefined || known.has(about)) ?? open[0];
    if (next === undefined) break;
    ordered.push(next);
    for (const name of next.names) known.add(name);
    open = open.filter((reason) => reason !== next);
  }
  return [...ordered, ...reasons.filter(({ kind }) => kind === 'excludes')];
}

function hintFor(reasons: readonly Reason[]): string {
  const whatOf = (kind: Reason['kind']): string[] => [
    ...new Set(reasons.flatMap((reason) => (reason.kind === kind ? (reason.what ?? []) : []))),
  ];
  const [asked, held, lacking] = [whatOf('asked'), whatOf('held'), whatOf('lacks')];
  const ways = [
    ...(lacking.length > 0 ? [`add the suite or source that has ${listed(lacking, 'or')}`] : []),
    ...(held.length > 0 ? [`take ${listed(held, 'or')} off hold on the target`] : []),
    ...(asked.length > 1 ? [`leave out ${listed(asked, 'or')}`] : []),
    asked.length === 1 ? `ask for another version of ${asked[0] ?? ''}` : 'ask for other versions',
  ];
  const text = ways.join(', or ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** `a, b or c`. */
function listed(names: readonly string[], word: 'and' | 'or'): string {
  const shown = names.slice(0, MAX_NAMES);
  if (names.length > MAX_NAMES) {
    return `${shown.join(', ')} ${word} ${names.length - MAX_NAMES} more`;
  }
  const last = shown.pop() ?? '';
  return shown.length === 0 ? last : `${shown.join(', ')} ${word} ${last}`;
}
