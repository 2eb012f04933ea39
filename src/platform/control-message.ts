import { BOUNDS } from '../domain/bounds.js';
import { ERROR_CODES, messageOf, XError, type ErrorCode } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';

/** The only line a client sends. */
export interface ControlRequest {
  verb: string;
  args: JsonObject;
}

/** A line of the answer: events and signs of life, and at the end `ok` or `error`. */
export type ControlReply =
  | { event: JsonValue }
  | { alive: true }
  | { ok: JsonValue }
  | { error: { code: ErrorCode; message: string; hint?: string | undefined } };

/** One message a line. @throws XError LIMIT_EXCEEDED past BOUNDS.controlLineBytes. */
export function encodeLine(message: ControlRequest | ControlReply): string {
  const line = `${JSON.stringify(message)}\n`;
  if (Buffer.byteLength(line) > BOUNDS.controlLineBytes) {
    throw new XError(
      'LIMIT_EXCEEDED',
      `a control message is longer than ${String(BOUNDS.controlLineBytes)} bytes`,
    );
  }
  return line;
}

/** Cuts what arrives into lines. @throws XError LIMIT_EXCEEDED where one never ends. */
export class LineReader {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, end));
      lines.push(Buffer.concat(this.#waiting).toString('utf8'));
      this.#waiting = [];
      this.#waitingBytes = 0;
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#waitingBytes += part.length;
    if (this.#waitingBytes > BOUNDS.controlLineBytes) {
      throw new XError('LIMIT_EXCEEDED', 'a control message does not end');
    }
    if (part.length > 0) this.#waiting.push(part);
  }
}

/** @throws XError USAGE where the line is not a request. */
export function parseRequest(line: string): ControlRequest {
  const value = parseObject(line);
  const verb = value?.['verb'];
  const args = value?.['args'];
  if (typeof verb !== 'string' || !isObject(args)) {
    throw new XError('USAGE', 'a control request is {"verb", "args"}');
  }
  return { verb, args };
}

/** @throws XError PEER_FAILED where the line is not a reply. */
export function parseReply(line: string): ControlReply {
  const value = parseObject(line);
  if (value !== undefined) {
    if ('event' in value) return { event: value['event'] ?? null };
    if (value['alive'] === true) return { alive: true };
    if ('ok' in value) return { ok: value['ok'] ?? null };
    if (isObject(value['error'])) return { error: parseError(value['error']) };
  }
  throw new XError('PEER_FAILED', 'the resident process answered something else than a reply');
}

/** What of an error can cross the socket. */
export function errorReply(thrown: unknown): ControlReply {
  if (thrown instanceof XError) {
    const { code, message, hint } = thrown;
    return { error: { code, message, ...(hint === undefined ? {} : { hint }) } };
  }
  return { error: { code: 'PEER_FAILED', message: messageOf(thrown) } };
}

function parseError(value: JsonObject): { code: ErrorCode; message: string; hint?: string } {
  const { code, message, hint } = value;
  return {
    code: isErrorCode(code) ? code : 'PEER_FAILED',
    message: typeof message === 'string' ? message : 'the resident process failed',
    ...(typeof hint === 'string' ? { hint } : {}),
  };
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

function parseObject(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
