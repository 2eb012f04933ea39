import type { JSX } from 'preact';
import { bytes } from './format.js';

/** Bytes beside a bar of the most that there is. */
export function Amount({ value, most }: { value: number; most: number }): JSX.Element {
  return (
    <span class="amount">
      <meter min={0} max={most} value={value} aria-hidden="true" /> {bytes(value)}
    </span>
  );
}
