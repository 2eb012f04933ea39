import type { BytesPerSecond } from '../domain/rate-schedule.js';

/** How fast bytes may pass, all that it is asked about together. */
export interface RateLimit {
  /** As it is now. */
  rate(): BytesPerSecond;
  /** So many passed: for how many ms their line is to wait before the next. */
  passed(bytes: number): number;
  /** Waits until so many may pass. @throws the signal's reason. */
  pass(bytes: number, signal?: AbortSignal): Promise<void>;
}
