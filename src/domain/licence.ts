import type { JsonObject } from './plan.js';

/** Longer texts are licences themselves, not their names. */
const MAX_LICENCE_CHARS = 200;

/** Where an entry's `detail` carries the licence that its own metadata names. */
export const LICENCE_FIELD = 'licence';

/**
 * A licence as metadata writes it, as one plain line; undefined where it says none, or holds the
 * licence's whole text.
 */
export function licenceName(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const name = text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  if (name === '' || /^(unknown|none|n\/a)$/i.test(name)) return undefined;
  return name.length > MAX_LICENCE_CHARS || text.trim().split('\n').length > 3 ? undefined : name;
}

/** The licence that an entry carries. */
export function licenceOf({ detail }: { detail?: JsonObject | undefined }): string | undefined {
  return licenceName(detail?.[LICENCE_FIELD]);
}
