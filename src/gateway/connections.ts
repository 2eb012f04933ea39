import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BOUNDS } from '../domain/bounds.js';

/**
 * Keeps a server's connections within bounds. When they are all taken, a new one replaces the one
 * that has been without a request for longest, so that idle connections cannot keep clients out.
 */
export function boundConnections(server: Server, limit: number): void {
  /** Requests under way on each connection; the longest idle ones first. */
  const underWay = new Map<Socket, number>();

  const evictOne = (): boolean => {
    for (const [socket, requests] of underWay) {
      if (requests > 0) continue;
      underWay.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  };
  server.on('connection', (socket: Socket) => {
    if (underWay.size >= limit && !evictOne()) {
      socket.destroy();
      return;
    }
    underWay.set(socket, 0);
    socket.once('close', () => underWay.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const requests = (underWay.get(socket) ?? 0) + 1;
    if (requests > BOUNDS.gatewayPipelinedRequests) {
      socket.destroy();
      return;
    }
    underWay.set(socket, requests);
    response.once('close', () => {
      const left = (underWay.get(socket) ?? 1) - 1;
      // Entered anew, so that the order is that of last use.
      underWay.delete(socket);
      if (!socket.destroyed) underWay.set(socket, left);
    });
  });
}
