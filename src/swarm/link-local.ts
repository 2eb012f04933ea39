import { Server, type Socket } from 'node:net';
import type { ComponentLogger, Metrics, Transport } from '@libp2p/interface';
import { tcp, type TCPOptions } from '@libp2p/tcp';
import { tcpOf, withoutZone, zoneOf } from './addresses.js';

interface TransportComponents {
  metrics?: Metrics;
  logger: ComponentLogger;
}

/**
 * libp2p's TCP transport with IPv6 link-local addresses, which it does not know: dialled, they lose
 * the zone that the system needs, and a connection from one is refused for the zone in its name.
 */
export function tcpWithZones(options: TCPOptions): (components: TransportComponents) => Transport {
  return (components) => {
    const transport = tcp(options)(components);
    const dial: Transport['dial'] = transport.dial.bind(transport);
    const createListener: Transport['createListener'] = transport.createListener.bind(transport);
    transport.dial = (address, dialOptions) => {
      const zone = zoneOf(address);
      const ip = tcpOf(address)?.ip;
      if (zone === undefined || ip === undefined) return dial(address, dialOptions);
      // What is more in the options goes to the socket.
      const zoned = { ...dialOptions, host: `${ip}%${zone}` };
      return dial(address, zoned);
    };
    transport.createListener = (listenOptions) => {
      const listener = createListener(listenOptions);
      const server: unknown = Reflect.get(listener, 'server');
      if (server instanceof Server) server.prependListener('connection', withoutZoneInName);
      return listener;
    };
    return transport;
  };
}

function withoutZoneInName(socket: Socket): void {
  const { remoteAddress } = socket;
  if (remoteAddress?.includes('%') !== true) return;
  Object.defineProperty(socket, 'remoteAddress', { value: withoutZone(remoteAddress) });
}
