import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Origin } from '../domain/plan.js';
import type { Insight } from '../ports/insight.js';
import type { Counted } from './watch.js';

interface Labelled {
  requests: Counter.Internal;
  bytes: Counter.Internal;
  seconds: Histogram.Internal<'mount'>;
}

/** What Prometheus reads at `/metrics`. Labels have few values: never a name, an address or a path. */
export class GatewayMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'mount' | 'status'>;
  readonly #bytes: Counter<'mount'>;
  readonly #seconds: Histogram<'mount'>;
  readonly #origins: Counter<'origin'>;
  /** By mount and status, of which there are few. */
  readonly #labelled = new Map<string, Labelled>();
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  constructor(insight: Insight | undefined) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'x_gateway_requests_total',
      help: 'Requests answered, by ecosystem and status.',
      labelNames: ['mount', 'status'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'x_gateway_sent_bytes_total',
      help: 'Bytes of bodies sent, by ecosystem.',
      labelNames: ['mount'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'x_gateway_request_seconds',
      help: 'From the request to the end of its answer.',
      labelNames: ['mount'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    });
    this.#origins = new Counter({
      name: 'x_gateway_passed_files_total',
      help: 'Files of the official source answered with, by where they came from.',
      labelNames: ['origin'],
      registers,
    });
    if (insight !== undefined) registerInsight(insight, registers);
  }

  answered({ mount, status, bytes, ms }: Counted): void {
    const key = `${mount} ${status}`;
    let labelled = this.#labelled.get(key);
    if (labelled === undefined) {
      // Looking labels up takes longer than counting does.
      labelled = {
        requests: this.#requests.labels({ mount, status: String(status) }),
        bytes: this.#bytes.labels({ mount }),
        seconds: this.#seconds.labels({ mount }),
      };
      this.#labelled.set(key, labelled);
    }
    labelled.requests.inc();
    labelled.bytes.inc(bytes);
    labelled.seconds.observe(ms / 1000);
  }

  origin(origin: Origin): void {
    this.#origins.inc({ origin });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function registerInsight(insight: Insight, registers: Registry[]): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  const sum = (field: 'bytes' | 'heldBytes'): number =>
    insight.status().bundles.reduce((all, bundle) => all + bundle[field], 0);
  gauge('x_bundle_bytes', 'Bytes of all bundles.', () => sum('bytes'));
  gauge('x_bundle_held_bytes', 'Bytes of all bundles that are here.', () => sum('heldBytes'));
  gauge('x_peers', 'Peers connected.', () => insight.status().peers.length);
  gauge('x_wishes', 'Packages asked for in vain.', () => insight.status().wishes);
}
