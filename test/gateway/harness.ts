import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../../src/domain/digest.js';
import { XError } from '../../src/domain/errors.js';
import type { GatewayContent } from '../../src/gateway/content.js';
import {
  createGateway,
  type GatewayOptions,
  type ListeningAddress,
} from '../../src/gateway/open-gateway.js';
import type { CatalogEntry } from '../../src/ports/catalog.js';
import type { Answered } from '../../src/ports/answered.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Insight } from '../../src/ports/insight.js';
import type { EcosystemServer, ServedView, NativeRequest } from '../../src/ports/ecosystem.js';

export const realClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal, ref: false });
  },
};

/** A clock on which every wait is over at once. */
export const hastyClock: Clock = { ...realClock, sleep: () => Promise.resolve() };

export function entryOf(path: string, bytes: Uint8Array): CatalogEntry {
  return {
    path,
    lengthBytes: bytes.length,
    sha256: sha256(bytes),
    pieceRoot: '0'.repeat(64),
    kind: 'package',
    ecosystem: 'pypi',
    proof: 'none',
    requires: [],
    targets: [],
    private: false,
    bundleId: 'demo@did:key:z',
    bundleName: 'demo',
  };
}

/** Bytes in memory, in pieces of `pieceBytes`, some of them on their way or damaged. */
export class MemoryContent implements GatewayContent {
  readonly blobs = new Map<string, Uint8Array>();
  /** Where reading a blob fails, by path. */
  readonly damagedAt = new Map<string, number>();
  readonly missing = new Set<string>();
  readonly wanted: string[] = [];
  /** How many pieces were read. */
  pieces = 0;
  pieceBytes = 64 << 10;
  /** What `want` does. */
  bring: (entry: CatalogEntry, signal: AbortSignal) => Promise<void> = (entry) => {
    this.missing.delete(entry.path);
    this.damagedAt.delete(entry.path);
    return Promise.resolve();
  };

  put(path: string, bytes: Uint8Array): CatalogEntry {
    this.blobs.set(path, bytes);
    return entryOf(path, bytes);
  }

  held(entry: CatalogEntry): boolean {
    return !this.missing.has(entry.path);
  }

  async want(entry: CatalogEntry, signal: AbortSignal): Promise<void> {
    this.wanted.push(entry.path);
    await this.bring(entry, signal);
  }

  async *open(
    entry: CatalogEntry,
    range: { start: number; end: number },
  ): AsyncGenerator<Uint8Array> {
    const bytes = this.blobs.get(entry.path) ?? new Uint8Array();
    for (let at = range.start; at < range.end; at += this.pieceBytes) {
      const end = Math.min(at + this.pieceBytes, range.end);
      const bad = this.damagedAt.get(entry.path);
      if (bad !== undefined && bad < end) throw new XError('STORE_DAMAGED', `${entry.path} rotted`);
      this.pieces++;
      yield await Promise.resolve(bytes.subarray(at, end));
    }
  }
}

/** An ecosystem that serves entries by path and echoes requests. */
export class TinyServer implements EcosystemServer {
  readonly name = 'pypi' as const;
  readonly commands = ['tiny'];
  readonly entries = new Map<string, CatalogEntry>();
  readonly seen: NativeRequest[] = [];
  readonly mount: string;
  fail: unknown;

  constructor(mount = 'tiny') {
    this.mount = mount;
  }

  respond(request: NativeRequest): ReturnType<EcosystemServer['respond']> {
    this.seen.push(request);
    if (this.fail !== undefined) return Promise.reject(this.fail);
    const entry = this.entries.get(request.path);
    if (entry !== undefined) {
      const headers = { 'content-type': 'application/x-tiny' };
      return Promise.resolve({ kind: 'artifact', headers, entry });
    }
    if (request.path === 'echo') {
      const { method, baseUrl, query, body } = request;
      const echo = { method, baseUrl, query: query.toString(), body: body?.length ?? null };
      const bytes = Buffer.from(JSON.stringify(echo));
      const headers = { 'content-type': 'application/json' };
      return Promise.resolve({ kind: 'bytes', status: 200, headers, bytes });
    }
    const isPackage = !request.path.includes('.');
    const what = request.path;
    return Promise.resolve({ kind: 'not-found', ecosystem: this.name, what, isPackage });
  }

  installCommand(name: string): string {
    return `tiny ${name}`;
  }

  checkProof(): ReturnType<EcosystemServer['checkProof']> {
    return Promise.resolve({ proof: 'none', verdict: 'none', note: '' });
  }

  settings(): ReturnType<EcosystemServer['settings']> {
    return Promise.resolve({ env: {}, files: [], args: [] });
  }
}

export const emptyView: ServedView = {
  generation: () => '0',
  bundles: () => [
    {
      id: 'demo@did:key:z',
      name: 'demo<b>',
      source: 'did:key:z"><script>',
      role: 'client',
      version: 3,
      manifestDigest: '0'.repeat(64),
      signedAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-04-01T00:00:00.000Z',
      graceDays: 270,
      entries: 2,
      bytes: 3 << 20,
    },
  ],
  entriesByName: () => [],
  entryByPath: () => undefined,
  entriesBySha256: () => [],
  names: () => [],
  read: () => Promise.reject(new Error('nothing to read')),
};

export interface Running extends ListeningAddress {
  server: TinyServer;
  content: MemoryContent;
  logged: string[];
}

/** A gateway on a free port of the loopback that ends with the test. */
export async function startGateway(
  t: TestContext,
  given: {
    clock?: Clock;
    options?: Partial<GatewayOptions>;
    content?: GatewayContent;
    servers?: EcosystemServer[];
    insight?: Insight;
    onAnswered?: (answered: Answered) => void;
    onMiss?: (ecosystem: string, name: string) => void;
    generation?: () => string;
  } = {},
): Promise<Running> {
  const server = new TinyServer();
  const content = new MemoryContent();
  const logged: string[] = [];
  const gateway = createGateway({
    servers: [server, ...(given.servers ?? [])],
    view: { ...emptyView, ...(given.generation && { generation: given.generation }) },
    insight: given.insight,
    onAnswered: given.onAnswered,
    onMiss: given.onMiss,
    content: given.content ?? content,
    clock: given.clock ?? realClock,
    log: ({ message }) => logged.push(message),
    options: { host: '127.0.0.1', port: 0, ...given.options },
  });
  const listening = await gateway.listen();
  t.after(() => gateway.close());
  return { ...listening, server, content, logged };
}

/** Sends bytes as they are, and collects all that comes back until the server ends or `done` says so. */
export async function raw(
  port: number,
  request: string | Buffer,
  done: (answer: string) => boolean = () => false,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.write(request);
  return new Promise((resolve) => {
    const text = (): string => Buffer.concat(chunks).toString('latin1');
    const finish = (): void => {
      socket.destroy();
      resolve(text());
    };
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (done(text())) finish();
    });
    socket.on('close', finish);
    // A reset is an answer too: what came before it is looked at.
    socket.on('error', finish);
  });
}

/** The status codes of the answers in a raw exchange. */
export function statuses(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}
