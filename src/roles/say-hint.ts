import type { Hint } from '../network/seen-versions.js';
import type { Printer } from './printer.js';

/** News of a version, and what is done about it. */
export function sayHint(
  printer: Pick<Printer, 'event'>,
  { type, ecosystem, name, version }: Hint,
  what: string,
): void {
  const is = type === 'version' ? 'is new' : 'was taken back';
  printer.event(
    { event: 'hint', type, ecosystem, name, version, what },
    `${ecosystem}: ${name} ${version} ${is}, ${what}`,
  );
}
