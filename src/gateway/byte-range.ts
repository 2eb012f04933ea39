/** What a Range header asks of a representation. */
export type RangeVerdict =
  | { kind: 'whole' }
  /** Bytes `start` to `end`, exclusive. */
  | { kind: 'part'; start: number; end: number }
  | { kind: 'unsatisfiable' };

const WHOLE: RangeVerdict = { kind: 'whole' };

/**
 * Judges a Range header (RFC 9110 section 14.2). What is malformed, in another unit, or asks for
 * several ranges is ignored, as the RFC lets a server do; so is a range whose If-Range names another
 * representation.
 */
export function judgeRange(
  range: string | undefined,
  ifRange: string | undefined,
  etag: string,
  lengthBytes: number,
): RangeVerdict {
  const match = /^bytes=([0-9]*)-([0-9]*)$/i.exec(range?.trim() ?? '');
  if (!match || (ifRange !== undefined && ifRange.trim() !== etag)) return WHOLE;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return WHOLE;
    const suffix = Number(last);
    if (suffix === 0 || lengthBytes === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', start: Math.max(0, lengthBytes - suffix), end: lengthBytes };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return WHOLE;
  if (start >= lengthBytes) return { kind: 'unsatisfiable' };
  const end = last === '' ? lengthBytes : Math.min(Number(last) + 1, lengthBytes);
  return { kind: 'part', start, end };
}

/** Whether If-None-Match names this ETag (RFC 9110 section 13.1.2: compared weakly). */
export function noneMatchNames(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(',')
    .some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === etag);
}
