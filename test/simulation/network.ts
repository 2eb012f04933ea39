import type { Random } from '../../src/ports/random.js';
import type { VirtualTime } from './virtual-time.js';

/** One host's link to the switch. */
export interface LinkSpec {
  upBytesPerMs: number;
  downBytesPerMs: number;
  /** One way, this link's half. */
  latencyMs: number;
  /** Of a thousand chunks that leave, how many have to be sent again. */
  lostPerMille: number;
}

interface Message {
  leftBytes: number;
  isHandedOver: boolean;
  handedOver: () => void;
  delivered: () => void;
}

/** One direction of one connection: its messages arrive whole and in order. */
interface Flow {
  from: Port;
  to: Port;
  messages: Message[];
  underWayBytes: number;
  isInTurn: boolean;
  isClosed: boolean;
  lastArrivalMs: number;
}

interface Port {
  link: LinkSpec;
  /** Connections that have something to send and room in their window, in turn. */
  turn: Flow[];
  isSending: boolean;
  upFreeMs: number;
  downFreeMs: number;
  /** Small frames and acknowledgements that the next chunk has to wait for. */
  owedBytes: number;
  sentBytes: number;
}

/** Ethernet, IP and TCP of full packets: 1,514 bytes for 1,448, and Noise's 18 a frame. */
const HEADERS = 1.046;
/** Of what arrives, what goes back as acknowledgements. */
const ACKNOWLEDGED = 0.008;
const MESSAGE_BYTES = 80;
/** What the kernel takes from a process before it is on the wire. */
const SOCKET_BYTES = 256 << 10;
const WINDOW_BYTES = 256 << 10;
const RETRANSMIT_MS = 200;

/**
 * A switch in virtual time. Every host has one link, with a rate in each direction; the connections
 * of a host share what leaves it in turn, chunk by chunk, and what goes to one host queues for its
 * link in order of arrival. A connection has only a window of bytes under way, so that a busy
 * receiver slows its senders down, and not those who share their links with others. Chunks that are
 * lost come later, and what follows on the connection behind them.
 */
export class Network {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #chunkBytes: number;
  readonly #ports = new Map<string, Port>();

  constructor(time: VirtualTime, random: Random, chunkBytes: number) {
    this.#time = time;
    this.#random = random;
    this.#chunkBytes = chunkBytes;
  }

  addHost(name: string, link: LinkSpec): void {
    this.#ports.set(name, {
      link,
      turn: [],
      isSending: false,
      upFreeMs: 0,
      downFreeMs: 0,
      owedBytes: 0,
      sentBytes: 0,
    });
  }

  /** What left a host, headers and all. */
  sentBytes(name: string): number {
    return this.#port(name).sentBytes;
  }

  connect(from: string, to: string): Connection {
    const flow: Flow = {
      from: this.#port(from),
      to: this.#port(to),
      messages: [],
      underWayBytes: 0,
      isInTurn: false,
      isClosed: false,
      lastArrivalMs: 0,
    };
    return {
      send: (bytes, delivered, handedOver) => {
        const leftBytes = (bytes + MESSAGE_BYTES) * HEADERS;
        flow.messages.push({ leftBytes, isHandedOver: false, delivered, handedOver });
        this.#handOver(flow);
        this.#enqueue(flow);
      },
      sendSmall: (bytes, delivered) => {
        const port = flow.from;
        const wireBytes = (bytes + MESSAGE_BYTES) * HEADERS;
        port.owedBytes += wireBytes;
        port.sentBytes += wireBytes;
        flow.to.downFreeMs =
          Math.max(flow.to.downFreeMs, this.#time.now) + wireBytes / flow.to.link.downBytesPerMs;
        if (delivered === undefined) return;
        const waitMs = Math.max(0, port.upFreeMs - this.#time.now);
        this.#time.after(waitMs + latency(flow) + wireBytes / port.link.upBytesPerMs, () => {
          if (!flow.isClosed) delivered();
        });
      },
      close: () => {
        flow.isClosed = true;
        flow.messages.length = 0;
      },
    };
  }

  #port(name: string): Port {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`no host ${name}`);
    return port;
  }

  #enqueue(flow: Flow): void {
    if (flow.isInTurn || flow.isClosed || flow.messages.length === 0) return;
    const windowBytes = Math.max(
      WINDOW_BYTES,
      2 * this.#chunkBytes,
      4 * latency(flow) * Math.min(flow.from.link.upBytesPerMs, flow.to.link.downBytesPerMs),
    );
    if (flow.underWayBytes >= windowBytes) return;
    flow.isInTurn = true;
    flow.from.turn.push(flow);
    this.#pump(flow.from);
  }

  #pump(port: Port): void {
    if (port.isSending) return;
    const flow = port.turn.shift();
    if (flow === undefined) return;
    flow.isInTurn = false;
    const message = flow.messages[0];
    if (flow.isClosed || message === undefined) {
      this.#pump(port);
      return;
    }
    const chunkBytes = Math.min(this.#chunkBytes, message.leftBytes);
    message.leftBytes -= chunkBytes;
    const isLast = message.leftBytes <= 0;
    if (isLast) flow.messages.shift();
    flow.underWayBytes += chunkBytes;
    const isLost =
      port.link.lostPerMille > 0 && this.#random.integer(1_000) < port.link.lostPerMille;
    const wireBytes = chunkBytes * (isLost ? 2 : 1) + port.owedBytes;
    port.owedBytes = 0;
    port.sentBytes += chunkBytes * (isLost ? 2 : 1);
    port.isSending = true;
    port.upFreeMs = this.#time.now + wireBytes / port.link.upBytesPerMs;
    this.#time.at(port.upFreeMs, () => {
      port.isSending = false;
      this.#handOver(flow);
      if (isLast) this.#giveOver(message, flow);
      const arrivalMs = this.#time.now + latency(flow) + (isLost ? RETRANSMIT_MS : 0);
      flow.lastArrivalMs = Math.max(flow.lastArrivalMs, arrivalMs);
      this.#time.at(flow.lastArrivalMs, () =>
        this.#arrive(flow, chunkBytes, isLast ? message : undefined),
      );
      this.#enqueue(flow);
      this.#pump(port);
    });
  }

  /** A message that fits into the socket's buffer is out of its process's hands. */
  #handOver(flow: Flow): void {
    const message = flow.messages[0];
    if (message === undefined || message.leftBytes > SOCKET_BYTES) return;
    this.#giveOver(message, flow);
  }

  #giveOver(message: Message, flow: Flow): void {
    if (message.isHandedOver) return;
    message.isHandedOver = true;
    this.#time.after(0, () => {
      if (!flow.isClosed) message.handedOver();
    });
  }

  #arrive(flow: Flow, chunkBytes: number, message: Message | undefined): void {
    const { to, from } = flow;
    // The switch forwards while it receives: only a busy or slower downlink delays.
    const beganMs = this.#time.now - chunkBytes / from.link.upBytesPerMs;
    to.downFreeMs = Math.max(to.downFreeMs, beganMs) + chunkBytes / to.link.downBytesPerMs;
    this.#time.at(to.downFreeMs, () => {
      flow.underWayBytes -= chunkBytes;
      to.owedBytes += chunkBytes * ACKNOWLEDGED;
      to.sentBytes += chunkBytes * ACKNOWLEDGED;
      if (flow.isClosed) return;
      this.#enqueue(flow);
      message?.delivered();
    });
  }
}

/** One direction of a connection. */
export interface Connection {
  /** @param handedOver When the sender's socket has taken all of it. */
  send(bytes: number, delivered: () => void, handedOver: () => void): void;
  /** A small frame: it overtakes what has not left yet. Without `delivered` it only takes its room. */
  sendSmall(bytes: number, delivered: (() => void) | undefined): void;
  /** Nothing more arrives. */
  close(): void;
}

function latency({ from, to }: Flow): number {
  return from.link.latencyMs + to.link.latencyMs;
}
