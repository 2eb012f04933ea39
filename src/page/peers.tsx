import type { JSX } from 'preact';
import type { BundleStatus, Status } from '../ports/insight.js';
import { Amount } from './amount.js';
import { shortDid } from './format.js';

type Peer = Status['peers'][number];

export function Peers({
  peers,
  bundles,
}: {
  peers: readonly Peer[];
  bundles: readonly BundleStatus[];
}): JSX.Element {
  const most = Math.max(1, ...peers.flatMap(({ bytesIn, bytesOut }) => [bytesIn, bytesOut]));
  const nameOf = (id: string): string => bundles.find((bundle) => bundle.id === id)?.name ?? id;
  const sorted = [...peers].sort(
    (a, b) => Number(b.isMaster) - Number(a.isMaster) || b.bytesIn - a.bytesIn,
  );
  return (
    <section aria-labelledby="peers">
      <h2 id="peers">Who gives, who gets</h2>
      {peers.length === 0 && <p class="quiet">No source and no sibling is connected.</p>}
      {peers.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Peer</th>
              <th scope="col">Bundle</th>
              <th scope="col">Gave us</th>
              <th scope="col">Got from us</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((peer) => (
              <tr key={`${peer.did} ${peer.bundleId}`}>
                <td data-label="Peer">
                  <span>
                    <span class={peer.isMaster ? 'tag source' : 'tag'}>
                      {peer.isMaster ? 'source' : 'sibling'}
                    </span>{' '}
                    <code title={`${peer.did}\n${peer.address}`}>{shortDid(peer.did)}</code>
                  </span>
                </td>
                <td data-label="Bundle">{nameOf(peer.bundleId)}</td>
                <td data-label="Gave us">
                  <Amount value={peer.bytesIn} most={most} />
                </td>
                <td data-label="Got from us">
                  <Amount value={peer.bytesOut} most={most} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
