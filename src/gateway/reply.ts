import type { EcosystemName } from '../domain/plan.js';

/** What is sent in the end. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** Undefined for HEAD and 304. What comes in chunks is ended by who sends it, also where nothing is sent. */
  body: Buffer | AsyncIterable<Uint8Array> | undefined;
}

const RETRY_AFTER_SECONDS = 10;

/** One paragraph of plain text. */
export function textReply(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): Reply {
  return bufferReply(status, 'text/plain; charset=utf-8', `${text}\n`, headers);
}

export function bufferReply(
  status: number,
  contentType: string,
  text: string,
  headers: Record<string, string> = {},
): Reply {
  const body = Buffer.from(text);
  return {
    status,
    headers: { 'content-type': contentType, 'content-length': String(body.length), ...headers },
    body,
  };
}

/** 404 that says how the thing can be brought here. */
export function notFoundReply(ecosystem: EcosystemName, what: string): Reply {
  const shown = printable(what);
  const text =
    `${shown} is in no bundle on this machine. To bring it here, add it to a requirements file on ` +
    `the connected machine and run: x source -r FILE`;
  return errorReply(ecosystem, 404, text);
}

/** 404 of a gateway that asked the official source. */
export function unknownReply(ecosystem: EcosystemName, what: string): Reply {
  const text = `${printable(what)}: the official source does not have it, or this gateway has no hash to check it by`;
  return errorReply(ecosystem, 404, text);
}

/** 502: the official source does not answer, or with what does not hold. */
export function officialFailureReply(ecosystem: EcosystemName, why: string): Reply {
  return errorReply(ecosystem, 502, `the official source: ${printable(why)}`);
}

/** npm shows the `error` of a JSON answer. */
function errorReply(ecosystem: EcosystemName, status: number, text: string): Reply {
  if (ecosystem !== 'npm') return textReply(status, text);
  return bufferReply(status, 'application/json', JSON.stringify({ error: text }));
}

/** 405 to who wants to change something: npm's clients show the `error` of a JSON answer. */
export function wrongMethodReply(target: string): Reply {
  const text = 'GET, HEAD and POST are answered; nothing can be published or changed here';
  const headers = { allow: 'GET, HEAD, POST' };
  if (!target.startsWith('/npm/')) return textReply(405, text, headers);
  return bufferReply(405, 'application/json', JSON.stringify({ error: text }), headers);
}

/** 503 that names what is not here yet. */
export function notYetReply(what: string, why: string): Reply {
  const text = `${printable(what)} is on its way to this machine and not here yet (${printable(why)}). Try again shortly.`;
  return textReply(503, text, { 'retry-after': String(RETRY_AFTER_SECONDS) });
}

/** Text of a client's or a peer's making, short and on one line. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?').slice(0, 300);
}
