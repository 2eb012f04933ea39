import type { Socket } from 'node:net';
import type { ServedView } from '../ports/ecosystem.js';
import type { Insight } from '../ports/insight.js';
import type { AccessRules } from './access-rules.js';
import { AnswerCache } from './answer-cache.js';
import type { AnswerContext } from './answer.js';
import { EventStreams } from './event-stream.js';
import { QuickAnswers } from './quick-answers.js';

/** What some of the clients are answered from, and what is kept of answers for them alone. */
export interface Audience {
  isNear: boolean;
  context: AnswerContext;
  kept: AnswerCache;
  quick: QuickAnswers;
}

/** What the answers to all have in common, and what differs. */
export interface AudienceParts {
  common: Omit<AnswerContext, 'view' | 'kept' | 'own'>;
  files: AnswerContext['own']['files'];
  near: { view: ServedView; insight: Insight | undefined };
  /** For those whose address is not near; the same as for others where it is missing. */
  far: { view: ServedView; insight: Insight | undefined } | undefined;
  isNear: AccessRules;
}

/** Tells to which of the two audiences whoever is at the other end of a connection belongs. */
export function audiences(parts: AudienceParts): (socket: Socket) => Audience {
  const near = audience(parts, parts.near, true);
  const far = audience(parts, parts.far ?? parts.near, false);
  const known = new WeakMap<Socket, Audience>();
  return (socket) => {
    let found = known.get(socket);
    if (found === undefined) {
      found = parts.isNear(socket.remoteAddress ?? '') ? near : far;
      known.set(socket, found);
    }
    return found;
  };
}

function audience(
  { common, files }: AudienceParts,
  { view, insight }: AudienceParts['near'],
  isNear: boolean,
): Audience {
  const { servers, clock, closing } = common;
  const kept = new AnswerCache(view);
  const events = insight === undefined ? undefined : new EventStreams(insight, clock, closing);
  const own = { servers, view, insight, events, files };
  return { isNear, kept, quick: new QuickAnswers(view), context: { ...common, view, kept, own } };
}
