import type { Connection, Stream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { XError, messageOf } from '../domain/errors.js';
import { refusalError } from '../domain/membership.js';
import type { Gate } from '../ports/gate.js';
import type { Swarm } from '../ports/swarm.js';
import { askForBundles, askForFile, askToJoin } from './bundle-client.js';
import { BUNDLE_PROTOCOL } from './bundle-server.js';
import { didOfPeer } from './did.js';

type Calls = Pick<Swarm, 'listBundles' | 'join' | 'fetchMetadata'>;

/** Asks those that the user named over `/x/bundle/1`: a stream a question. */
export class BundleCaller implements Calls {
  readonly #gate: Gate;
  readonly #connect: (address: string) => Promise<Connection>;

  constructor(gate: Gate, connect: (address: string) => Promise<Connection>) {
    this.#gate = gate;
    this.#connect = connect;
  }

  async listBundles(address: string, did?: Did): ReturnType<Swarm['listBundles']> {
    const { stream, did: actual } = await this.#openTo(address, did);
    const shown = this.#gate.shown();
    return { did: actual, ...(await this.#speak(address, () => askForBundles(stream, shown))) };
  }

  async join(address: string, did: Did, token: string): Promise<Uint8Array> {
    const { stream } = await this.#openTo(address, did);
    const answer = await this.#speak(address, () => askToJoin(stream, token));
    if ('refusal' in answer) throw refusalError(answer.refusal, address);
    return answer.membership;
  }

  async fetchMetadata(
    address: string,
    bundle: { name: string; source: Did },
    file: string,
    maxBytes: number,
  ): Promise<Uint8Array | undefined> {
    const { stream } = await this.#open(address);
    const shown = this.#gate.shown();
    const answer = await this.#speak(address, () =>
      askForFile(stream, { ...bundle, file }, shown, maxBytes),
    );
    if (typeof answer === 'string') throw refusalError(answer, address);
    return answer;
  }

  /** @throws XError WRONG_SOURCE where another answers than `did`, or one without a DID. */
  async #openTo(address: string, did: Did | undefined): Promise<{ stream: Stream; did: Did }> {
    const { stream, connection } = await this.#open(address);
    const actual = didOfPeer(connection.remotePeer);
    if (actual !== undefined && (did === undefined || actual === did))
      return { stream, did: actual };
    stream.abort(new Error('wrong source'));
    throw new XError(
      'WRONG_SOURCE',
      `${address} is ${actual ?? connection.remotePeer.toString()}, not ${did ?? 'an Ed25519 key'}`,
      { hint: 'Check the address, or whether the source was set up anew with another key.' },
    );
  }

  async #open(address: string): Promise<{ stream: Stream; connection: Connection }> {
    const connection = await this.#connect(address);
    const stream = await this.#speak(address, () =>
      connection.newStream(BUNDLE_PROTOCOL, {
        signal: AbortSignal.timeout(BOUNDS.masterTimeoutMs),
      }),
    );
    return { stream, connection };
  }

  async #speak<T>(address: string, talk: () => Promise<T>): Promise<T> {
    try {
      return await talk();
    } catch (error) {
      if (error instanceof XError) throw error;
      throw new XError('PEER_FAILED', `${address}: ${messageOf(error)}`, {
        hint: 'The connection broke, or what answers there is no x of a suitable version. Run the same command again: it continues.',
        cause: error,
      });
    }
  }
}
