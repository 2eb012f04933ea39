import type { JSX } from 'preact';
import type { BundleStatus } from '../ports/insight.js';
import { bytes, percent, shortDid, span } from './format.js';

const DAY_MS = 86_400_000;

export function Bundles({
  bundles,
  at,
}: {
  bundles: readonly BundleStatus[] | undefined;
  at: string | undefined;
}): JSX.Element {
  return (
    <section aria-labelledby="bundles">
      <h2 id="bundles">Bundles</h2>
      {bundles === undefined && <p class="quiet">Waiting for the gateway…</p>}
      {bundles?.length === 0 && (
        <p class="quiet">
          No bundle has arrived yet. <code>x client --master HOST</code> or{' '}
          <code>x import PATH</code> brings one.
        </p>
      )}
      <ul class="bundles">
        {bundles?.map((bundle) => (
          <Bundle key={bundle.id} bundle={bundle} nowMs={Date.parse(at ?? '')} />
        ))}
      </ul>
    </section>
  );
}

function Bundle({ bundle, nowMs }: { bundle: BundleStatus; nowMs: number }): JSX.Element {
  const held = percent(bundle.heldBytes, bundle.bytes);
  const signedMs = Date.parse(bundle.signedAt);
  return (
    <li>
      <h3>
        {bundle.name} <span class="quiet">version {bundle.version}</span>
      </h3>
      <div
        class="arrival"
        role="progressbar"
        aria-label={`${bundle.name}: how much is here`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={held}
      >
        {bundle.arrival.map((part, i) => (
          <i key={i} class={part === 100 ? 'here' : part > 0 ? 'coming' : ''} />
        ))}
      </div>
      <p>
        {held === 100 ? 'all' : `${held}%`} of {bytes(bundle.bytes)} here, in{' '}
        {bundle.entries.toLocaleString('en')} files
      </p>
      <p>
        signed {span(nowMs - signedMs)} ago by{' '}
        <code title={bundle.source}>{shortDid(bundle.source)}</code>
        <Age bundle={bundle} nowMs={nowMs} />
      </p>
    </li>
  );
}

/** How far a bundle is past what its signer promised. */
function Age({ bundle, nowMs }: { bundle: BundleStatus; nowMs: number }): JSX.Element | null {
  const lateMs = nowMs - Date.parse(bundle.expiresAt);
  if (lateMs < 0) return null;
  const isOver = lateMs > bundle.graceDays * DAY_MS;
  return (
    <strong class={isOver ? 'bad' : 'busy'}>
      {' '}
      {isOver
        ? `expired ${span(lateMs)} ago, and its grace is over: ask its source for a newer one`
        : `expired ${span(lateMs)} ago; a newer one is due`}
    </strong>
  );
}
