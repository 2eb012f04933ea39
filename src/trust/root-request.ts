import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import { isDid } from './did.js';
import { readChange, type RootChange, type RootRole } from './root-change.js';

const TYPE = 'x-root-request';

/** Roots that wait for signatures, as a file that is carried between machines. */
export function formatRootRequest(changes: readonly RootChange[]): string {
  const roots = changes.map(({ before, bytes }) => ({
    before,
    root: Buffer.from(bytes).toString(),
  }));
  return `${JSON.stringify({ type: TYPE, format: 1, roots }, null, 2)}\n`;
}

/**
 * What such a file proposes. `before` is what the file says; whoever applies it knows better.
 * @throws XError INPUT_MALFORMED, METADATA_INVALID.
 */
export function parseRootRequest(text: string, where: string): RootChange[] {
  const refuse = (what: string, cause?: unknown): XError =>
    new XError('INPUT_MALFORMED', `${where} ${what}`, {
      hint: 'Files of `x key root -o FILE` are meant.',
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse('is no request for signatures', cause);
  }
  const { type, format, roots } = (json ?? {}) as Record<string, unknown>;
  if (type !== TYPE || !Array.isArray(roots)) throw refuse('is no request for signatures');
  if (format !== 1) throw refuse(`has format ${String(format)}, which this x does not know`);
  if (roots.length > BOUNDS.rootRequests) throw refuse(`holds ${roots.length} roots, too many`);
  return roots.map((one: { before?: Partial<RootRole>; root?: unknown } | null) => {
    const { before, root } = one ?? {};
    const { keys, threshold } = before ?? {};
    const isSound =
      typeof root === 'string' &&
      Array.isArray(keys) &&
      keys.every((did) => typeof did === 'string' && isDid(did)) &&
      Number.isSafeInteger(threshold);
    if (!isSound) throw refuse('holds a root that cannot be read');
    return readChange(Buffer.from(root), { keys, threshold: threshold ?? 1 });
  });
}
