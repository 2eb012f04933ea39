import type { JSX } from 'preact';
import type { Status } from '../ports/insight.js';

/** How this gateway is used from where the page is read. */
export function HowTo({ howTo }: { howTo: NonNullable<Status['howTo']> }): JSX.Element {
  const { gateway, lines } = howTo;
  const here = lines.map((line) =>
    line
      .replaceAll(gateway, location.origin)
      .replaceAll(new URL(gateway).hostname, location.hostname),
  );
  return (
    <section aria-labelledby="how-to">
      <h2 id="how-to">Install from here</h2>
      <p>pip, npm and apt need nothing but another source:</p>
      <pre tabIndex={0}>{here.join('\n')}</pre>
    </section>
  );
}
