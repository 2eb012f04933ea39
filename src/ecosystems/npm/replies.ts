import { sha256 } from '../../domain/digest.js';
import type { JsonObject } from '../../domain/plan.js';
import type { NativeRequest, NativeResponse } from '../../ports/ecosystem.js';

/** A JSON answer with an ETag; 304 to who has it already. */
export function jsonReply(
  body: JsonObject | Uint8Array,
  request: NativeRequest,
  more: Record<string, string> = {},
): NativeResponse {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  const etag = `"${sha256(bytes).slice(0, 32)}"`;
  const headers = {
    'content-type': 'application/json',
    etag,
    'cache-control': 'no-cache',
    vary: 'accept',
    ...more,
  };
  const known = request.headers['if-none-match']?.split(/\s*,\s*/) ?? [];
  if (request.method !== 'POST' && known.some((tag) => tag.replace(/^W\//, '') === etag)) {
    return { kind: 'bytes', status: 304, headers, bytes: new Uint8Array(0) };
  }
  return { kind: 'bytes', status: 200, headers, bytes };
}

/** An error as npm's clients show it. */
export function problemReply(
  status: number,
  error: string,
  headers: Record<string, string> = {},
): NativeResponse {
  const bytes = Buffer.from(JSON.stringify({ error }));
  return {
    kind: 'bytes',
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    bytes,
  };
}

export function notFound(what: string): NativeResponse {
  return { kind: 'not-found', ecosystem: 'npm', what };
}

/** Who opens the registry itself is told what it is, not that it is in no bundle. */
export function rootReply(): NativeResponse {
  return problemReply(404, 'this is a registry: ask it for a package by its name');
}
