import type { JSX } from 'preact';
import { Bundles } from './bundles.js';
import { bytes, shortDid } from './format.js';
import { useLive, type Live } from './live.js';
import { HowTo } from './how-to.js';
import { Network } from './network.js';
import { Packages } from './packages.js';
import { Peers } from './peers.js';
import { Wishes } from './wishes.js';

export function App(): JSX.Element {
  const live = useLive();
  const { status } = live;
  return (
    <>
      {status?.howTo === undefined && (
        <a class="skip" href="#packages">
          Skip to the packages
        </a>
      )}
      <Header live={live} />
      {!live.isConnected && (
        <p class="notice" role="alert">
          The gateway does not answer. What is shown may be old; the page keeps trying.
        </p>
      )}
      <main>
        {status?.howTo === undefined ? <Held live={live} /> : <HowTo howTo={status.howTo} />}
        {status?.network !== undefined && <Network network={status.network} />}
      </main>
      <Footer live={live} />
    </>
  );
}

/** What bundles brought: a gateway that passes the official sources on has none. */
function Held({ live }: { live: Live }): JSX.Element {
  const { status } = live;
  return (
    <>
      <Bundles bundles={status?.bundles} at={status?.at} />
      <Peers peers={status?.peers ?? []} bundles={status?.bundles ?? []} />
      <Wishes count={status?.wishes ?? 0} />
      <Packages generation={generationOf(live)} />
    </>
  );
}

/** Another text when the packages on the page may have changed. */
function generationOf({ status }: Live): string {
  return (status?.bundles ?? [])
    .map(({ id, version, heldBytes, bytes: all }) => `${id} ${version} ${heldBytes === all}`)
    .join('\n');
}

function Header({ live }: { live: Live }): JSX.Element {
  const { status, inPerSecond, outPerSecond, isConnected } = live;
  const missing = (status?.bundles ?? []).reduce((sum, one) => sum + one.bytes - one.heldBytes, 0);
  const state = !isConnected
    ? 'not answering'
    : status === undefined
      ? 'connecting'
      : status.howTo !== undefined
        ? 'passing packages on'
        : missing > 0
          ? `${bytes(missing)} on the way`
          : status.bundles.length === 0
            ? 'nothing here yet'
            : 'everything is here';
  const kind = !isConnected ? 'bad' : missing > 0 || status === undefined ? 'busy' : 'good';
  return (
    <header>
      <h1>X on this machine</h1>
      <p class={`state ${kind}`} role="status">
        {state}
      </p>
      <p class="speed" aria-label="speed">
        <span title="arriving">↓ {bytes(inPerSecond)}/s</span>{' '}
        <span title="given to others">↑ {bytes(outPerSecond)}/s</span>
      </p>
    </header>
  );
}

function Footer({ live: { status } }: { live: Live }): JSX.Element | null {
  if (status === undefined) return null;
  const { disk, version, did } = status;
  return (
    <footer>
      <p>
        {bytes(disk.heldBytes)} in {disk.blobs.toLocaleString('en')} files on disk
        {disk.freeBytes !== undefined && `, ${bytes(disk.freeBytes)} free`}
      </p>
      <p>
        x {version}
        {did !== undefined && (
          <>
            , this machine is <code title={did}>{shortDid(did)}</code>
          </>
        )}
      </p>
    </footer>
  );
}
