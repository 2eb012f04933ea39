import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Updater } from 'tuf-js';

type Files = ReadonlyMap<string, Uint8Array>;

/** A static web server on the loopback. */
export interface StaticServer {
  url: string;
  /** What it serves from now on, by path. */
  serve(files: Files): void;
  close(): Promise<void>;
}

export async function startStaticServer(): Promise<StaticServer> {
  let files: Files = new Map();
  const server = createServer((request, response) => {
    const bytes = files.get(decodeURIComponent((request.url ?? '').replace(/^\//, '')));
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}`,
    serve: (next) => (files = next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** tuf-js's own client, as it comes, with a folder of its own that outlives each run of it. */
export class StockClient {
  readonly #dir: string;
  readonly #server: StaticServer;

  private constructor(dir: string, server: StaticServer) {
    this.#dir = dir;
    this.#server = server;
  }

  /** @param root the root file that the client starts from. */
  static async install(server: StaticServer, root: Uint8Array): Promise<StockClient> {
    const dir = await mkdtemp(join(tmpdir(), 'x-tuf-'));
    await mkdir(join(dir, 'metadata'));
    await mkdir(join(dir, 'targets'));
    await writeFile(join(dir, 'metadata', 'root.json'), root);
    return new StockClient(dir, server);
  }

  /** One run, as a new process would make it. */
  updater(): Updater {
    return new Updater({
      metadataDir: join(this.#dir, 'metadata'),
      metadataBaseUrl: this.#server.url,
      targetDir: join(this.#dir, 'targets'),
      targetBaseUrl: this.#server.url,
    });
  }

  /** Takes what is served, and what it says of each path; throws where the client refuses any of it. */
  async take(files: Files, paths: readonly string[]): Promise<void> {
    this.#server.serve(files);
    const updater = this.updater();
    await updater.refresh();
    for (const path of paths) await updater.getTargetInfo(path);
  }

  remove(): Promise<void> {
    return rm(this.#dir, { recursive: true });
  }
}
