import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HeldPackage, HeldVersion } from '../ports/insight.js';
import { bytes } from './format.js';

const PAGE_SIZE = 50;
const TYPING_MS = 120;

interface Found {
  total: number;
  packages: readonly HeldPackage[];
}

/** Search over all that the bundles have; the gateway does the searching, so any number is readable. */
export function Packages({ generation }: { generation: string }): JSX.Element {
  const [text, setText] = useState('');
  const [ecosystem, setEcosystem] = useState('');
  const [found, setFound] = useState<Found>();
  const [failure, setFailure] = useState<string>();
  const [shown, setShown] = useState(PAGE_SIZE);
  const box = useRef<HTMLInputElement>(null);
  useSlashFocus(box);
  useEffect(() => setShown(PAGE_SIZE), [text, ecosystem]);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      ask(text, ecosystem, shown, stop.signal)
        .then((answer) => {
          setFound(answer);
          setFailure(undefined);
        })
        .catch((error: unknown) => {
          if (!stop.signal.aborted) setFailure(String(error));
        });
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, ecosystem, shown, generation]);
  return (
    <section aria-labelledby="packages" id="packages-section">
      <h2 id="packages" tabIndex={-1}>
        Packages
      </h2>
      <form role="search" onSubmit={(event) => event.preventDefault()}>
        <input
          ref={box}
          type="search"
          placeholder="Search by name  ( / )"
          aria-label="Search packages by name"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <select
          aria-label="Ecosystem"
          value={ecosystem}
          onChange={(event) => setEcosystem(event.currentTarget.value)}
        >
          <option value="">all</option>
          <option value="pypi">Python</option>
          <option value="npm">npm</option>
          <option value="debian">Debian</option>
        </select>
      </form>
      {failure !== undefined && (
        <p class="notice" role="alert">
          The search failed: {failure}
        </p>
      )}
      <p class="quiet" role="status">
        {found === undefined ? 'Searching…' : countLine(found.total, text)}
      </p>
      <ul class="packages">
        {found?.packages.map((one) => (
          <Package key={`${one.ecosystem} ${one.name}`} found={one} />
        ))}
      </ul>
      {found !== undefined && found.packages.length < found.total && (
        <button type="button" onClick={() => setShown(shown + PAGE_SIZE)}>
          Show more
        </button>
      )}
    </section>
  );
}

function countLine(total: number, text: string): string {
  if (total === 0 && text === '') return 'No package is in any bundle.';
  if (total === 0)
    return `“${text}” is in no bundle here. Asking for it with its own client puts it on the wish list.`;
  return `${total.toLocaleString('en')} package${total === 1 ? '' : 's'}`;
}

/** Pages of at most what the gateway answers at once, put together. */
async function ask(
  text: string,
  ecosystem: string,
  wanted: number,
  signal: AbortSignal,
): Promise<Found> {
  const packages: HeldPackage[] = [];
  for (;;) {
    const query = new URLSearchParams({
      q: text,
      ecosystem,
      offset: String(packages.length),
      limit: String(Math.min(wanted - packages.length, 250)),
    });
    const response = await fetch(`/api/packages?${query.toString()}`, { signal });
    if (!response.ok) throw new Error(await response.text());
    const page = (await response.json()) as Found;
    packages.push(...page.packages);
    if (page.packages.length === 0 || packages.length >= Math.min(wanted, page.total)) {
      return { total: page.total, packages };
    }
  }
}

function Package({ found }: { found: HeldPackage }): JSX.Element {
  const [newest, ...older] = found.versions;
  return (
    <li>
      <h3>
        {found.name} <span class="tag">{found.ecosystem}</span>
      </h3>
      {newest !== undefined && <Version held={newest} />}
      {older.length > 0 && (
        <details>
          <summary>
            {older.length} other version{older.length === 1 ? '' : 's'}
          </summary>
          {older.map((held) => (
            <Version key={`${held.version} ${held.bundle}`} held={held} />
          ))}
        </details>
      )}
    </li>
  );
}

function Version({ held }: { held: HeldVersion }): JSX.Element {
  const isHere = held.heldBytes === held.bytes;
  return (
    <div class="version">
      <p>
        <strong>{held.version}</strong>{' '}
        <span class={isHere ? 'good' : 'busy'}>{isHere ? 'here' : 'on its way'}</span>{' '}
        <span class="quiet">
          {bytes(held.bytes)}, {held.licence ?? 'licence not stated'}, from {held.bundle}
        </span>
      </p>
      {held.targets.length > 0 && <p class="quiet targets">{held.targets.join('  ·  ')}</p>}
      <Command text={held.install} />
    </div>
  );
}

function Command({ text }: { text: string }): JSX.Element {
  const [copied, setCopied] = useState<'yes' | 'no'>();
  const code = useRef<HTMLElement>(null);
  const copy = (): void => {
    copyText(text, code.current)
      .then((done) => setCopied(done ? 'yes' : 'no'))
      .catch(() => setCopied('no'));
    setTimeout(() => setCopied(undefined), 2_000);
  };
  return (
    <div class="command">
      <code ref={code}>{text}</code>
      <button type="button" onClick={copy} aria-label={`Copy: ${text}`}>
        {copied === 'yes' ? 'copied' : copied === 'no' ? 'select and copy' : 'copy'}
      </button>
    </div>
  );
}

/** Browsers give the clipboard to pages on https and on this machine; elsewhere the text is selected. */
async function copyText(text: string, shown: HTMLElement | null): Promise<boolean> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  if (shown !== null) window.getSelection()?.selectAllChildren(shown);
  return false;
}

/** `/` puts the cursor into the search box, as on many pages. */
function useSlashFocus(box: { current: HTMLInputElement | null }): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [box]);
}
