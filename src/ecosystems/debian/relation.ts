import { compareVersions, isVersion } from './version.js';

export type Operator = '<<' | '<=' | '=' | '>=' | '>>';

/** One alternative of a dependency: `libc6:any (>= 2.36)`. */
export interface Relation {
  name: string;
  /** `any`, `native` or an architecture, where one is written. */
  arch: string | undefined;
  op: Operator | undefined;
  /** Given with `op`. */
  version: string;
}

/** Alternatives, the first preferred. */
export type RelationGroup = readonly Relation[];

const RELATION =
  /^([A-Za-z0-9][A-Za-z0-9.+_-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|>=|>>|=|<|>)\s*([^\s()]+)\s*\))?\s*(?:\[[^\]]*\]\s*)?(?:<[^>]*>\s*)*$/;

/**
 * Parses a relationship field; undefined where it is malformed.
 * @see Debian Policy section 7.1
 */
export function parseRelations(field: string): RelationGroup[] | undefined {
  const groups: RelationGroup[] = [];
  for (const groupText of field.split(',')) {
    if (groupText.trim() === '') continue;
    const group: Relation[] = [];
    for (const text of groupText.split('|')) {
      const relation = parseRelation(text.trim());
      if (relation === undefined) return undefined;
      group.push(relation);
    }
    groups.push(group);
  }
  return groups;
}

/** Parses one alternative; undefined where it is malformed. */
export function parseRelation(text: string): Relation | undefined {
  const match = RELATION.exec(text);
  if (!match) return undefined;
  const [, name = '', arch, opText, version = ''] = match;
  if (opText !== undefined && !isVersion(version)) return undefined;
  return { name, arch, op: operatorOf(opText), version };
}

/** `<` and `>` are the historic spellings of `<=` and `>=`. */
function operatorOf(text: string | undefined): Operator | undefined {
  if (text === '<') return '<=';
  if (text === '>') return '>=';
  return text as Operator | undefined;
}

/** Whether a version fits `op wanted`; every version does where there is no operator. */
export function versionFits(
  version: string,
  { op, version: wanted }: Pick<Relation, 'op' | 'version'>,
): boolean {
  if (op === undefined) return true;
  const order = compareVersions(version, wanted);
  switch (op) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

export function formatRelation(relation: Relation): string {
  const arch = relation.arch === undefined ? '' : `:${relation.arch}`;
  const version = relation.op === undefined ? '' : ` (${relation.op} ${relation.version})`;
  return relation.name + arch + version;
}

export function formatGroup(group: RelationGroup): string {
  return group.map(formatRelation).join(' | ');
}
