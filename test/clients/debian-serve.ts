// Serves a bundle's files through the Debian server, for a real apt: `node debian-serve.js FOLDER PORT`.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { BundleRecord, CatalogEntry } from '../../src/ports/catalog.js';
import { createDebianServer } from '../../src/ecosystems/debian/server.js';
import { MemoryStore, viewOf } from '../ecosystems/debian/support.js';

const [folder = '', port = ''] = process.argv.slice(2);
const { entries, bundle } = JSON.parse(readFileSync(join(folder, 'entries.json'), 'utf8')) as {
  entries: CatalogEntry[];
  bundle: BundleRecord;
};
const view = viewOf([bundle], entries, new MemoryStore());
const debian = createDebianServer();

async function answer(url: string): Promise<{ status: number; body: Uint8Array }> {
  const { pathname } = new URL(url, 'http://gateway');
  const path = decodeURIComponent(pathname).replace(/^\/debian\//, '');
  const request = {
    method: 'GET',
    path,
    query: new URLSearchParams(),
    headers: {},
    baseUrl: '',
  } as const;
  const response = await debian.respond(request, view);
  if (response.kind !== 'artifact') return { status: 404, body: Buffer.from('not held\n') };
  return { status: 200, body: await readFile(join(folder, 'bundle', response.entry.path)) };
}

createServer((request, response) => {
  answer(request.url ?? '/').then(
    ({ status, body }) => response.writeHead(status).end(body),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(Number(port), '127.0.0.1');
