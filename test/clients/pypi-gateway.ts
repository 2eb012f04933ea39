import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPypiServer } from '../../src/ecosystems/pypi/server.js';
import type { HeldView } from '../../src/ports/ecosystem.js';

/** A bundle served over HTTP as a gateway does. */
export interface Gateway {
  /** What points pip at it. */
  env: Record<string, string>;
  indexUrl: string;
  /** Paths that were asked for. */
  asked: string[];
  close(): void;
}

export async function openGateway(
  view: HeldView,
  bytes: ReadonlyMap<string, Uint8Array>,
): Promise<Gateway> {
  const server = createPypiServer();
  const asked: string[] = [];
  let address = '';
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', address);
    asked.push(url.pathname);
    const answer = await server.respond(
      {
        method: 'GET',
        path: decodeURIComponent(url.pathname).replace(/^\/pypi\//, ''),
        query: url.searchParams,
        headers: { accept: request.headers.accept ?? '' },
        baseUrl: address,
      },
      view,
    );
    if (answer.kind === 'not-found') response.writeHead(404).end(answer.what);
    else if (answer.kind === 'bytes')
      response.writeHead(answer.status, answer.headers).end(answer.bytes);
    else if (answer.kind === 'artifact')
      response.writeHead(200, answer.headers).end(bytes.get(answer.entry.sha256));
  };
  const http = createServer((request, response) => {
    handle(request, response).catch((thrown: unknown) =>
      response.writeHead(500).end(String(thrown)),
    );
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const { env } = await server.settings({ command: 'pip', gateway: address, bundles: [], view });
  return {
    env,
    indexUrl: `${address}/pypi/simple/`,
    asked,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}
