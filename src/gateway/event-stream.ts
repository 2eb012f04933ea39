import { BOUNDS } from '../domain/bounds.js';
import type { Clock } from '../ports/clock.js';
import type { Insight } from '../ports/insight.js';
import { textReply, type Reply } from './reply.js';

/** The live status of the process for those who watch the page, as server-sent events. */
export class EventStreams {
  readonly #insight: Insight;
  readonly #clock: Clock;
  readonly #closing: AbortSignal;
  #open = 0;

  constructor(insight: Insight, clock: Clock, closing: AbortSignal) {
    this.#insight = insight;
    this.#clock = clock;
    this.#closing = closing;
  }

  /**
   * @param left aborted when the client went away.
   * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
   */
  reply(left: AbortSignal): Reply {
    if (this.#open >= BOUNDS.gatewayEventStreams) {
      return textReply(503, 'too many pages are watching; close one', { 'retry-after': '30' });
    }
    const ended = AbortSignal.any([left, this.#closing]);
    if (!ended.aborted) {
      this.#open += 1;
      ended.addEventListener('abort', () => (this.#open -= 1), { once: true });
    }
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };
    return { status: 200, headers, body: this.#events(ended) };
  }

  async *#events(ended: AbortSignal): AsyncGenerator<Uint8Array> {
    let last = '';
    let saidMs = -Infinity;
    while (!ended.aborted) {
      const { at, ...status } = this.#insight.status();
      const text = JSON.stringify(status);
      const nowMs = this.#clock.monotonicMs();
      // An unchanged status is told now and then, so that both ends notice where the other is gone.
      if (text !== last || nowMs - saidMs >= BOUNDS.gatewayEventSilenceMs) {
        last = text;
        saidMs = nowMs;
        yield Buffer.from(`event: status\ndata: ${JSON.stringify({ at, ...status })}\n\n`);
      }
      await this.#clock.sleep(BOUNDS.gatewayEventMs, ended).catch(() => undefined);
    }
  }
}
