import { rateAt, type BytesPerSecond, type RateSchedule } from '../domain/rate-schedule.js';
import { ByteBucket } from '../domain/byte-bucket.js';
import type { Clock } from '../ports/clock.js';
import type { RateLimit } from '../ports/rate-limit.js';

/** A limit that follows a schedule in this machine's own time. */
export class ScheduleLimit implements RateLimit {
  readonly #schedule: RateSchedule;
  readonly #clock: Clock;
  readonly #bucket: ByteBucket;

  constructor(schedule: RateSchedule, clock: Clock) {
    this.#schedule = schedule;
    this.#clock = clock;
    this.#bucket = new ByteBucket(clock.monotonicMs());
  }

  rate(): BytesPerSecond {
    const now = this.#clock.now();
    return rateAt(this.#schedule, now.getHours() * 60 + now.getMinutes());
  }

  passed(bytes: number): number {
    return this.#bucket.take(bytes, this.rate(), this.#clock.monotonicMs());
  }

  async pass(bytes: number, signal?: AbortSignal): Promise<void> {
    const waitMs = this.passed(bytes);
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }
}
