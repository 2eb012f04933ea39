import type { IncomingHttpHeaders } from 'node:http';

/** One value of a response header; where a server repeats it, the first. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Content-Length; undefined where it is absent or no number. */
export function contentLengthOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headerOf(headers, 'content-length');
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Content-Range (RFC 9110 section 14.4): `bytes 5-9/10`, `bytes 5-9/*`, or `bytes * /10` of a 416. */
export function contentRangeOf(
  headers: IncomingHttpHeaders,
): { start: number | undefined; total: number | undefined } | undefined {
  const text = headerOf(headers, 'content-range') ?? '';
  const match = /^bytes (?:([0-9]{1,15})-[0-9]{1,15}|\*)\/([0-9]{1,15}|\*)$/.exec(text);
  if (!match) return undefined;
  return {
    start: match[1] === undefined ? undefined : Number(match[1]),
    total: match[2] === '*' ? undefined : Number(match[2]),
  };
}

/** Retry-After (RFC 9110 section 10.2.3), seconds or a date, as milliseconds from now. */
export function retryAfterMsOf(headers: IncomingHttpHeaders, now: Date): number | undefined {
  const text = headerOf(headers, 'retry-after')?.trim();
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

/** The ETag, where it is a strong one: only such can say that two halves belong together. */
export function strongEtagOf(headers: IncomingHttpHeaders): string | undefined {
  const etag = headerOf(headers, 'etag');
  return etag !== undefined && /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag) ? etag : undefined;
}
