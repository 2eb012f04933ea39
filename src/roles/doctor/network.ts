import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { messageOf, systemCodeOf, XError } from '../../domain/errors.js';
import { refusalError, type Refusal } from '../../domain/membership.js';
import { failed, ok, warning, type Finding } from './check.js';

const GROUP = '224.0.0.251';
const ECHO_MS = 1_000;
const HEALTH_MS = 5_000;

/** Whether the port of a process to come is free. */
export async function checkPort(port: number, use: string): Promise<Finding> {
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(systemCodeOf(error) ?? 'unknown'));
    server.listen(port, () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return ok('ports', `${port}, for ${use}, is free`);
  return warning(
    'ports',
    `${port}, for ${use}, is ${code === 'EADDRINUSE' ? 'taken by another program' : `not to be had (${code})`}`,
    'x takes another one and says which; or choose: --port, --listen.',
  );
}

export async function checkGateway(url: string): Promise<Finding> {
  try {
    const reply = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(HEALTH_MS) });
    if (reply.ok) return ok('gateway', `answers at ${url}`);
    return failed('gateway', `${url} answers ${reply.status}`, 'Restart the client.');
  } catch (error) {
    return failed('gateway', `${url} does not answer: ${messageOf(error)}`, 'Restart the client.');
  }
}

/** Sends a datagram to mDNS's group on each interface, and waits for its own copy. */
export async function checkMulticast(): Promise<Finding[]> {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => ({ name, address })),
  );
  if (addresses.length === 0) {
    return [
      warning(
        'multicast',
        'there is no network but loopback',
        'Siblings are found as soon as there is one.',
      ),
    ];
  }
  return await Promise.all(
    addresses.map(async ({ name, address }) =>
      (await echoes(address))
        ? ok('multicast', `works on ${name} (${address})`)
        : warning(
            'multicast',
            `is not heard on ${name} (${address})`,
            'Siblings there are found through the master, or named with --peer.',
          ),
    ),
  );
}

function echoes(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    const text = `x doctor ${process.pid} ${address}`;
    const timer = setTimeout(() => end(false), ECHO_MS);
    const end = (heard: boolean): void => {
      clearTimeout(timer);
      socket.removeAllListeners('error').on('error', () => undefined);
      socket.close();
      resolve(heard);
    };
    socket.once('error', () => end(false));
    socket.on('message', (message) => {
      if (message.toString() === text) end(true);
    });
    socket.bind(0, () => {
      try {
        socket.addMembership(GROUP, address);
        socket.setMulticastInterface(address);
        socket.setMulticastLoopback(true);
        socket.send(text, socket.address().port, GROUP);
      } catch {
        // No multicast on this interface at all.
        end(false);
      }
    });
  });
}

interface Offer {
  did: string;
  bundles: { name: string; source: string }[];
  refusal?: Refusal | undefined;
}

/** Whether a master answers, and is one that this machine trusts. */
export async function checkMaster(
  address: string,
  ask: () => Promise<Offer>,
  trusted: ReadonlySet<string>,
): Promise<Finding> {
  try {
    const { did, bundles, refusal } = await ask();
    if (bundles.length === 0 && refusal !== undefined) throw refusalError(refusal, address);
    if (bundles.length === 0) {
      return warning(
        'master',
        `${address} answers and offers no bundle`,
        'Wait until its x source serves.',
      );
    }
    const known = bundles.filter(({ source }) => trusted.has(source));
    const names = bundles.map(({ name }) => name).join(', ');
    if (known.length > 0) return ok('master', `${address} answers and offers ${names}`);
    return failed(
      'master',
      `${address} (${did}) offers ${names}, of sources that are not trusted here`,
      `Compare with what x source printed, then: x client --master ${address} --trust ${bundles[0]?.source ?? did}`,
    );
  } catch (error) {
    if (!(error instanceof XError)) throw error;
    return failed(
      'master',
      error.message,
      error.hint ?? 'Is its x source running, and the port open?',
    );
  }
}
