import type { IncomingMessage, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../domain/bounds.js';
import type { ServedView } from '../ports/ecosystem.js';
import type { KeptReply } from './answer-cache.js';
import { noneMatchNames } from './byte-range.js';

/** An answer whose headers are names and values in turn, as Node writes them without looking. */
interface Prepared {
  reply: KeptReply;
  head: string[];
  /** Of a 304. */
  unchanged: string[];
}

interface Asked {
  key: string;
  ifNoneMatch: string | undefined;
}

/**
 * Answers a request that asks, byte for byte, what was asked a moment ago: the same target, Host and
 * Accept were judged then, and have the same answer as long as the catalog is the same. Neither a
 * router nor hooks see it again. Whatever is unusual about a request is left to those.
 */
export class QuickAnswers {
  readonly #view: Pick<ServedView, 'generation'>;
  readonly #answers = new LRUCache<string, Prepared>({ max: BOUNDS.gatewayQuickAnswers });
  #generation = '';

  constructor(view: Pick<ServedView, 'generation'>) {
    this.#view = view;
  }

  /** The answer, ready to be written; undefined where the gateway has to look at the request. */
  find(request: IncomingMessage): ((response: ServerResponse) => void) | undefined {
    if (this.#answers.size === 0 || !this.#isCurrent()) return undefined;
    const asked = askedBy(request, request.url ?? '');
    const found = asked && this.#answers.get(asked.key);
    if (asked === undefined || found === undefined) return undefined;
    const isKnown =
      asked.ifNoneMatch !== undefined &&
      noneMatchNames(asked.ifNoneMatch, found.reply.headers['etag'] ?? '');
    return (response) => {
      if (isKnown) response.writeHead(304, found.unchanged).end();
      else response.writeHead(200, found.head).end(found.reply.body);
    };
  }

  /** @param target of the request line, which a router may have changed since. */
  remember(request: IncomingMessage, target: string, reply: KeptReply): void {
    // What takes long to send is sent by who watches over stalled clients.
    if (reply.status !== 200 || reply.body.length > BOUNDS.gatewayQuickAnswerBytes) return;
    const asked = askedBy(request, target);
    if (asked === undefined) return;
    this.#isCurrent();
    const headers = { 'x-content-type-options': 'nosniff', ...reply.headers };
    const { 'content-length': _, ...unchanged } = headers as Record<string, string>;
    const prepared = { reply, head: listOf(headers), unchanged: listOf(unchanged) };
    this.#answers.set(asked.key, prepared);
  }

  /** Forgets everything where the catalog changed. */
  #isCurrent(): boolean {
    const generation = this.#view.generation();
    if (generation === this.#generation) return true;
    this.#answers.clear();
    this.#generation = generation;
    return false;
  }
}

/** Headers of a request that has a body, or wants more than an answer. */
const UNUSUAL = new Set(['content-length', 'transfer-encoding', 'expect', 'upgrade']);

/** Undefined for a request whose answer may depend on more. */
function askedBy(
  { method, httpVersion, rawHeaders }: IncomingMessage,
  target: string,
): Asked | undefined {
  if (method !== 'GET' || httpVersion !== '1.1') return undefined;
  let host: string | undefined;
  let accept: string | undefined;
  let ifNoneMatch: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const value = rawHeaders[at + 1];
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (name === 'host') {
      if (host !== undefined) return undefined;
      host = value;
    } else if (name === 'accept') {
      if (accept !== undefined) return undefined;
      accept = value;
    } else if (name === 'if-none-match') {
      if (ifNoneMatch !== undefined) return undefined;
      ifNoneMatch = value;
    } else if (UNUSUAL.has(name)) return undefined;
  }
  if (host === undefined) return undefined;
  return { key: `${host}\n${accept ?? ''}\n${target}`, ifNoneMatch };
}

function listOf(headers: Record<string, string>): string[] {
  return Object.entries(headers).flat();
}
