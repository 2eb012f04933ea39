import type { JsonValue } from '../domain/plan.js';
import { Scores } from '../network/scores.js';
import type { NetworkView, NodeRow, RankRow } from '../ports/insight.js';
import type { NodeBook } from '../ports/node-book.js';
import type { SwarmNode } from '../swarm/public/swarm-node.js';
import { formatBytes, formatPeerAddress, formatSeconds, table } from './printer.js';

/** The characters at a DID's end tell it from others. */
const DID_END = 8;
const SHOWN_NODES = 1_000;

/** Of a process that is part of the public swarm. */
export function viewOfNode(node: SwarmNode): NetworkView {
  return {
    network: node.network,
    did: node.host.did,
    addresses: node.host.addresses(),
    nodes: node.nodes().slice(0, SHOWN_NODES).map(nodeRow),
    ranking: rankRows(node.scores, node.now()),
  };
}

/** Of what was written down, while nothing runs. */
export function viewOfBook(book: NodeBook, now: number, sinceMs: number): NetworkView {
  const nodes = book.nodes(sinceMs).slice(0, SHOWN_NODES);
  return {
    network: undefined,
    did: undefined,
    addresses: [],
    nodes: nodes.map((node) => nodeRow({ ...node, isConnected: false })),
    ranking: rankRows(new Scores(book.scores()), now),
  };
}

/** Through JSON, as everything that goes over the control socket. */
export function asJson(view: NetworkView): JsonValue {
  return JSON.parse(JSON.stringify(view)) as JsonValue;
}

type ShownNode = Pick<
  ReturnType<SwarmNode['nodes']>[number],
  'did' | 'addresses' | 'kind' | 'freeBytes' | 'load' | 'roundTripMs' | 'heardAtMs' | 'isConnected'
>;

function nodeRow({ addresses, heardAtMs, ...node }: ShownNode): NodeRow {
  const { did, kind, freeBytes, load, roundTripMs, isConnected } = node;
  return {
    did,
    address: addresses[0] ?? '',
    kind,
    freeBytes,
    load,
    roundTripMs: Math.round(roundTripMs),
    heardAt: new Date(heardAtMs).toISOString(),
    isConnected,
  };
}

function rankRows(scores: Scores, now: number): RankRow[] {
  return scores
    .ranking(now)
    .slice(0, SHOWN_NODES)
    .map((row) => ({
      did: row.did,
      score: Math.round(row.score * 1_000) / 1_000,
      servedBytes: Math.round(row.servedBytes),
      receivedBytes: Math.round(row.receivedBytes),
      uptimeMs: Math.round(row.uptimeMs),
      failures: Math.round(row.failures),
      lies: row.lies,
      shunnedUntil:
        row.shunnedUntilMs > now ? new Date(row.shunnedUntilMs).toISOString() : undefined,
    }));
}

/** Nothing where no process is part of the public swarm, and nobody of it was known last. */
export function nodeLines({ network, nodes }: NetworkView, now: number): string[] {
  if (nodes.length === 0)
    return network === undefined ? [] : [`public swarm "${network}": no node is known yet`];
  const connected = nodes.filter(({ isConnected }) => isConnected).length;
  const head =
    network === undefined
      ? `public swarm, as it was last seen: ${countOf(nodes.length)}`
      : `public swarm "${network}": ${countOf(nodes.length)} known, ${connected} connected`;
  const rows = nodes.map((node) => [
    formatPeerAddress(node.address),
    `…${node.did.slice(-DID_END)}`,
    node.kind,
    formatBytes(node.freeBytes),
    `${Math.round(node.load * 100)}%`,
    node.roundTripMs === 0 ? '' : `${node.roundTripMs} ms`,
    `${formatSeconds(Math.max(0, Math.round((now - Date.parse(node.heardAt)) / 1_000)))} ago`,
    node.isConnected ? 'yes' : '',
  ]);
  return [
    head,
    ...table([
      ['address', 'key', 'is', 'free', 'load', 'round trip', 'heard', 'connected'],
      ...rows,
    ]),
  ];
}

function countOf(nodes: number): string {
  return `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
}

export function rankingLines({ ranking }: NetworkView): string[] {
  if (ranking.length === 0) return ['no node of the public swarm was met yet'];
  const rows = ranking.map((row, i) => [
    String(i + 1),
    `…${row.did.slice(-DID_END)}`,
    row.score.toFixed(3),
    formatBytes(row.servedBytes),
    formatBytes(row.receivedBytes),
    formatSeconds(Math.round(row.uptimeMs / 1_000)),
    String(row.failures),
    row.shunnedUntil === undefined
      ? ''
      : `until ${row.shunnedUntil.slice(0, 16).replace('T', ' ')}`,
  ]);
  return table([['', 'key', 'score', 'gave', 'got', 'seen for', 'failed', 'not asked'], ...rows]);
}
