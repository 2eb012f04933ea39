import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Wish } from '../ports/insight.js';

/** Shown at most; `x wishes` has them all. */
const SHOWN = 100;

export function Wishes({ count }: { count: number }): JSX.Element {
  const [wishes, setWishes] = useState<readonly Wish[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    fetch('/api/wishes', { signal: stop.signal })
      .then((response) => response.json())
      .then((answer: { wishes: Wish[] }) => setWishes(answer.wishes))
      // The state at the top of the page says that the gateway does not answer.
      .catch(() => undefined);
    return () => stop.abort();
  }, [count]);
  return (
    <section aria-labelledby="wishes">
      <h2 id="wishes">Wish list</h2>
      {wishes.length === 0 ? (
        <p class="quiet">Nothing was asked for that is not in a bundle.</p>
      ) : (
        <>
          <p>
            Asked for here and in no bundle. <code>x request -o FILE</code> takes the list to the
            connected machine.
          </p>
          <ul class="wishes">
            {wishes.slice(0, SHOWN).map(({ ecosystem, name, times }) => (
              <li key={`${ecosystem} ${name}`}>
                <span class="tag">{ecosystem}</span> {name}
                {times > 1 && <span class="quiet"> {times} times</span>}
              </li>
            ))}
            {wishes.length > SHOWN && <li class="quiet">and {wishes.length - SHOWN} more</li>}
          </ul>
        </>
      )}
    </section>
  );
}
