import type { JSX } from 'preact';
import type { NetworkView, NodeRow, RankRow } from '../ports/insight.js';
import { Amount } from './amount.js';
import { shortDid } from './format.js';

/** What is known of one node, by hearsay and first hand. */
interface Known {
  did: string;
  node: NodeRow | undefined;
  rank: RankRow | undefined;
}

const SHOWN = 50;
const DRAWN = 24;

/** The public swarm around this machine: who is how near, and what they are worth. */
export function Network({ network }: { network: NetworkView }): JSX.Element {
  const known = knownNodes(network);
  const connected = network.nodes.filter(({ isConnected }) => isConnected);
  const heading = network.network === undefined ? 'Public swarm' : `Swarm “${network.network}”`;
  return (
    <section aria-labelledby="network">
      <h2 id="network">{heading}</h2>
      <p>
        {countOf(network.nodes.length)} known, {connected.length} connected
      </p>
      {network.nodes.length > 0 && <Topology nodes={network.nodes} />}
      {known.length === 0 && <p class="quiet">Nobody was met yet.</p>}
      {known.length > 0 && <Ranking known={known} />}
      {known.length > SHOWN && <p class="quiet">and {known.length - SHOWN} more: x peers</p>}
    </section>
  );
}

function Ranking({ known }: { known: readonly Known[] }): JSX.Element {
  const most = Math.max(
    1,
    ...known.flatMap(({ rank }) =>
      rank === undefined ? [] : [rank.servedBytes, rank.receivedBytes],
    ),
  );
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Node</th>
          <th scope="col">Round trip</th>
          <th scope="col">Score</th>
          <th scope="col">Gave us</th>
          <th scope="col">Got from us</th>
        </tr>
      </thead>
      <tbody>
        {known.slice(0, SHOWN).map(({ did, node, rank }) => (
          <tr key={did}>
            <td data-label="Node">
              <span>
                <span class={node?.isConnected === true ? 'tag source' : 'tag'}>
                  {stateOf(node, rank)}
                </span>{' '}
                <code title={`${did}\n${node?.address ?? ''}`}>{shortDid(did)}</code>
              </span>
            </td>
            <td data-label="Round trip">{trip(node)}</td>
            <td data-label="Score">{rank === undefined ? '–' : rank.score.toFixed(2)}</td>
            <td data-label="Gave us">
              <Amount value={rank?.servedBytes ?? 0} most={most} />
            </td>
            <td data-label="Got from us">
              <Amount value={rank?.receivedBytes ?? 0} most={most} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** This machine in the middle; who is connected nearer by its round trip, who is only known on the rim. */
function Topology({ nodes }: { nodes: readonly NodeRow[] }): JSX.Element {
  const drawn = [...nodes]
    .sort((a, b) => Number(b.isConnected) - Number(a.isConnected) || a.roundTripMs - b.roundTripMs)
    .slice(0, DRAWN);
  const connected = drawn.filter(({ isConnected }) => isConnected).length;
  const label = `This machine and ${countOf(drawn.length)}, ${connected} of them connected, nearer for shorter round trips`;
  return (
    <svg class="topology" viewBox="0 0 320 160" role="img" aria-label={label}>
      {drawn.map((node, at) => {
        const [x, y] = place(node, at, drawn.length);
        return (
          <g key={node.did} class={node.isConnected ? 'connected' : 'known'}>
            {node.isConnected && <line x1={160} y1={80} x2={x} y2={y} />}
            <circle cx={x} cy={y} r={node.kind === 'heavy' ? 7 : 4.5}>
              <title>{`${shortDid(node.did)}, ${node.kind}, ${trip(node)}`}</title>
            </circle>
          </g>
        );
      })}
      <circle class="self" cx={160} cy={80} r={8}>
        <title>this machine</title>
      </circle>
    </svg>
  );
}

function countOf(nodes: number): string {
  return nodes === 1 ? '1 node' : `${nodes} nodes`;
}

function place(node: NodeRow, at: number, of: number): [number, number] {
  const angle = (2 * Math.PI * at) / of - Math.PI / 2;
  const far = node.isConnected ? 0.3 + Math.min(0.5, Math.log10(1 + node.roundTripMs) / 5) : 1;
  return [160 + Math.cos(angle) * 145 * far, 80 + Math.sin(angle) * 68 * far];
}

function knownNodes({ nodes, ranking }: NetworkView): Known[] {
  const byDid = new Map<string, Known>();
  for (const rank of ranking) byDid.set(rank.did, { did: rank.did, node: undefined, rank });
  for (const node of nodes)
    byDid.set(node.did, { did: node.did, node, rank: byDid.get(node.did)?.rank });
  return [...byDid.values()].sort(
    (a, b) =>
      Number(b.node?.isConnected ?? false) - Number(a.node?.isConnected ?? false) ||
      (b.rank?.score ?? 0) - (a.rank?.score ?? 0),
  );
}

function stateOf(node: NodeRow | undefined, rank: RankRow | undefined): string {
  if (rank?.shunnedUntil !== undefined) return 'not asked';
  if (node === undefined) return 'gone';
  return node.isConnected ? `connected, ${node.kind}` : node.kind;
}

function trip(node: NodeRow | undefined): string {
  return node === undefined || node.roundTripMs === 0 ? '–' : `${node.roundTripMs} ms`;
}
