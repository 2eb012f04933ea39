import { gunzipSync } from 'node:zlib';
import { BOUNDS } from '../../domain/bounds.js';
import { messageOf, systemCodeOf } from '../../domain/errors.js';
import type { JsonValue } from '../../domain/plan.js';
import type { NativeRequest } from '../../ports/ecosystem.js';

/** Why a body is not read. */
export interface RefusedBody {
  status: 400 | 413 | 415;
  problem: string;
}

/** The JSON that a client sends, gzipped or not. */
export function readJsonBody(request: NativeRequest): { json: JsonValue } | RefusedBody {
  const { body, headers } = request;
  if (body === undefined || body.length === 0) return { status: 400, problem: 'there is no body' };
  const encoding = headers['content-encoding'] ?? 'identity';
  if (!/^(?:gzip|x-gzip|identity)$/i.test(encoding)) {
    return {
      status: 415,
      problem: `a body is read as it is or gzipped, not ${encoding.slice(0, 50)}`,
    };
  }
  let text = body;
  if (encoding.toLowerCase() !== 'identity') {
    try {
      text = gunzipSync(body, { maxOutputLength: BOUNDS.auditBodyBytes });
    } catch (thrown) {
      return systemCodeOf(thrown) === 'ERR_BUFFER_TOO_LARGE'
        ? { status: 413, problem: `the body is larger than ${BOUNDS.auditBodyBytes} bytes` }
        : { status: 400, problem: `the body is not gzip: ${messageOf(thrown)}` };
    }
  }
  try {
    return { json: JSON.parse(Buffer.from(text).toString('utf8')) as JsonValue };
  } catch {
    return { status: 400, problem: 'the body is no JSON' };
  }
}
