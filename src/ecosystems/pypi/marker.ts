import { normalizeName } from './filename.js';
import { parseSpecifiers, satisfies } from './specifier.js';
import { parseVersion } from './version.js';

/** The variables of an environment marker that a target fixes. `extra` is given per evaluation. */
export const MARKER_VARIABLES = [
  'implementation_name',
  'implementation_version',
  'os_name',
  'platform_machine',
  'platform_python_implementation',
  'platform_release',
  'platform_system',
  'platform_version',
  'python_full_version',
  'python_version',
  'sys_platform',
] as const;

export type MarkerEnvironment = Readonly<Record<(typeof MARKER_VARIABLES)[number], string>>;

export type MarkerOperand = { kind: 'variable'; name: string } | { kind: 'literal'; value: string };

/** A parsed environment marker: comparisons joined by `and` and `or`, `and` binding tighter. */
export type Marker =
  | { kind: 'and' | 'or'; parts: readonly Marker[] }
  | { kind: 'compare'; left: MarkerOperand; operator: string; right: MarkerOperand };

const VERSION_VARIABLES = new Set([
  'implementation_version',
  'platform_release',
  'python_full_version',
  'python_version',
]);

/**
 * Whether a marker holds. `extras` are the extras asked for, normalised; none is the empty string.
 * @see https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
 */
export function evaluateMarker(
  marker: Marker,
  environment: MarkerEnvironment,
  extra: string,
): boolean {
  if (marker.kind !== 'compare') {
    const holds = (part: Marker): boolean => evaluateMarker(part, environment, extra);
    return marker.kind === 'and' ? marker.parts.every(holds) : marker.parts.some(holds);
  }
  const { left, operator, right } = marker;
  const variable =
    left.kind === 'variable' ? left.name : right.kind === 'variable' ? right.name : '';
  const valueOf = (operand: MarkerOperand): string => {
    if (operand.kind === 'literal') return operand.value;
    if (operand.name === 'extra') return normalizeName(extra);
    return environment[operand.name as keyof MarkerEnvironment] ?? '';
  };
  return compare(valueOf(left), operator, valueOf(right), variable);
}

function compare(left: string, operator: string, right: string, variable: string): boolean {
  if (VERSION_VARIABLES.has(variable)) {
    const specifiers = parseSpecifiers(operator + right);
    const version = parseVersion(left);
    // A kernel's release (`6.1.0-13-amd64`) is often no version; then the texts are compared.
    if (specifiers?.length === 1 && version !== undefined) return satisfies(specifiers, version);
    if (specifiers?.length === 1 && variable !== 'platform_release') return false;
  }
  switch (operator) {
    case 'in':
      return right.includes(left);
    case 'not in':
      return !right.includes(left);
    case '!=':
      return left !== right;
    case '==':
    case '===':
    case '<=':
    case '>=':
      return left === right;
    default:
      // Order is defined for versions alone.
      return false;
  }
}

/** Whether a marker mentions `extra`, so that it belongs to an extra's dependencies. */
export function mentionsExtra(marker: Marker): boolean {
  if (marker.kind !== 'compare') return marker.parts.some(mentionsExtra);
  return [marker.left, marker.right].some(
    (operand) => operand.kind === 'variable' && operand.name === 'extra',
  );
}

/** A marker in the form that Python's `packaging` prints. */
export function formatMarker(marker: Marker): string {
  if (marker.kind === 'compare') {
    const text = (operand: MarkerOperand): string =>
      operand.kind === 'variable' ? operand.name : `"${operand.value}"`;
    return `${text(marker.left)} ${marker.operator} ${text(marker.right)}`;
  }
  return marker.parts
    .map((part) =>
      part.kind === 'or' && marker.kind === 'and' ? `(${formatMarker(part)})` : formatMarker(part),
    )
    .join(` ${marker.kind} `);
}
