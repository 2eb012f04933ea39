import type Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { NODE_KINDS, type NetworkNode, type ScoreRow } from '../domain/network-node.js';
import type { NodeBook } from '../ports/node-book.js';
import type { CatalogDatabase } from './database.js';

interface NodeRow extends Omit<NetworkNode, 'addresses' | 'kind'> {
  /** JSON. */
  addresses: string;
  kind: string;
}

/** The node book in the catalog. */
export class SqliteNodeBook implements NodeBook {
  readonly #db: CatalogDatabase;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: CatalogDatabase) {
    this.#db = db;
    this.#statements = prepare(db.sql);
  }

  nodes(sinceMs: number): NetworkNode[] {
    const rows = this.#db.read(() => this.#statements.nodes.all(sinceMs, BOUNDS.knownNodes));
    return rows.flatMap(nodeOfRow);
  }

  scores(): ScoreRow[] {
    return this.#db.read(() => this.#statements.scores.all(BOUNDS.scoredNodes));
  }

  async save({
    nodes,
    scores,
    forgottenScores,
    sinceMs,
  }: {
    nodes: readonly NetworkNode[];
    scores: readonly ScoreRow[];
    forgottenScores: readonly Did[];
    sinceMs: number;
  }): Promise<void> {
    const { putNode, putScore, dropScore, dropNodes, trimNodes } = this.#statements;
    await this.#db.write(() => {
      for (const node of nodes) putNode.run({ ...node, addresses: JSON.stringify(node.addresses) });
      for (const score of scores) putScore.run(score);
      for (const did of forgottenScores) dropScore.run(did);
      dropNodes.run(sinceMs);
      trimNodes.run(BOUNDS.knownNodes);
    });
  }
}

function nodeOfRow(row: NodeRow): NetworkNode[] {
  const kind = NODE_KINDS.find((one) => one === row.kind);
  let addresses: unknown;
  try {
    addresses = JSON.parse(row.addresses);
  } catch {
    // A hint is lost: the node is heard of again.
    return [];
  }
  if (kind === undefined || !Array.isArray(addresses)) return [];
  const texts = addresses.filter((one) => typeof one === 'string');
  return [{ ...row, kind, addresses: texts }];
}

function prepare(sql: Database.Database) {
  return {
    nodes: sql.prepare<[number, number], NodeRow>(
      `SELECT did, addresses, address_group AS "group", kind, free_bytes AS freeBytes, load,
         first_heard_at AS firstHeardAtMs, heard_at AS heardAtMs, answered_at AS answeredAtMs,
         round_trip_ms AS roundTripMs
       FROM nodes WHERE heard_at > ? ORDER BY heard_at DESC, did LIMIT ?`,
    ),
    putNode: sql.prepare<[NodeRow]>(
      `INSERT OR REPLACE INTO nodes (did, addresses, address_group, kind, free_bytes, load,
         first_heard_at, heard_at, answered_at, round_trip_ms)
       VALUES (@did, @addresses, @group, @kind, @freeBytes, @load, @firstHeardAtMs, @heardAtMs,
         @answeredAtMs, @roundTripMs)`,
    ),
    dropNodes: sql.prepare<[number]>('DELETE FROM nodes WHERE heard_at <= ?'),
    trimNodes: sql.prepare<[number]>(
      `DELETE FROM nodes WHERE did IN
         (SELECT did FROM nodes ORDER BY heard_at DESC, did LIMIT -1 OFFSET ?)`,
    ),
    scores: sql.prepare<[number], ScoreRow>(
      `SELECT did, served_bytes AS servedBytes, received_bytes AS receivedBytes,
         uptime_ms AS uptimeMs, successes, failures, lies, shunned_until AS shunnedUntilMs,
         first_seen_at AS firstSeenAtMs, at AS atMs
       FROM scores ORDER BY served_bytes DESC, at DESC, did LIMIT ?`,
    ),
    putScore: sql.prepare<[ScoreRow]>(
      `INSERT OR REPLACE INTO scores (did, served_bytes, received_bytes, uptime_ms, successes,
         failures, lies, shunned_until, first_seen_at, at)
       VALUES (@did, @servedBytes, @receivedBytes, @uptimeMs, @successes, @failures, @lies,
         @shunnedUntilMs, @firstSeenAtMs, @atMs)`,
    ),
    dropScore: sql.prepare<[string]>('DELETE FROM scores WHERE did = ?'),
  };
}
