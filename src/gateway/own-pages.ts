import { BOUNDS } from '../domain/bounds.js';
import { ECOSYSTEM_NAMES } from '../domain/plan.js';
import type { GatewayServer, NativeRequest, ServedView } from '../ports/ecosystem.js';
import type { Insight, PackageQuestion } from '../ports/insight.js';
import { unlessKnown, type KeptReply } from './answer-cache.js';
import type { EventStreams } from './event-stream.js';
import { frontPage, summaries } from './front-page.js';
import { bufferReply, textReply, type Reply } from './reply.js';

export interface OwnPages {
  servers: readonly GatewayServer[];
  view: ServedView;
  insight: Insight | undefined;
  events: EventStreams | undefined;
  /** The built page. */
  files: ReadonlyMap<string, KeptReply>;
}

/** What the gateway says of itself: the page, and what the page asks. */
export function ownPage(pages: OwnPages, request: NativeRequest, left: AbortSignal): Reply {
  const { view, servers, insight, events, files } = pages;
  if (request.method === 'POST') {
    return textReply(405, 'nothing is posted here', { allow: 'GET, HEAD' });
  }
  const file = files.get(request.path);
  if (file !== undefined && insight !== undefined) return unlessKnown(request, file);
  switch (request.path) {
    case '':
      return frontPage(view.bundles(), servers, request.baseUrl);
    case 'healthz':
      return textReply(200, 'ok');
    case 'bundles.json':
      return json({ bundles: summaries(view.bundles()) });
    case 'api/status':
      return insight === undefined ? nothing(servers) : json(insight.status());
    case 'api/packages':
      return insight === undefined ? nothing(servers) : packages(insight, request);
    case 'api/wishes':
      return insight === undefined ? nothing(servers) : json({ wishes: insight.wishes() });
    case 'api/events':
      return events === undefined ? nothing(servers) : events.reply(left);
    default:
      return nothing(servers);
  }
}

function packages(insight: Insight, { query, baseUrl }: NativeRequest): Reply {
  const ecosystem = query.get('ecosystem') ?? '';
  const offset = Number(query.get('offset') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  const known = ECOSYSTEM_NAMES.find((name) => name === ecosystem);
  const isValid = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!isValid(offset) || !isValid(limit) || (ecosystem !== '' && known === undefined)) {
    const text = `offset and limit are numbers, ecosystem one of ${ECOSYSTEM_NAMES.join(', ')}`;
    return textReply(400, text);
  }
  const asked: PackageQuestion = {
    text: (query.get('q') ?? '').trim().slice(0, BOUNDS.wishCharacters),
    ecosystem: known,
    offset,
    limit: Math.min(limit, BOUNDS.searchResults),
    gateway: isLoopback(baseUrl) ? undefined : baseUrl,
  };
  return json(insight.search(asked));
}

function isLoopback(baseUrl: string): boolean {
  return /^https?:\/\/(localhost|127\.[0-9.]+|\[::1\])(:|$)/.test(baseUrl);
}

function nothing(servers: readonly GatewayServer[]): Reply {
  const mounts = servers.map(({ mount }) => `/${mount}/`).join(' ');
  return textReply(404, `nothing is served here; there is ${mounts}`);
}

function json(value: unknown): Reply {
  return bufferReply(200, 'application/json', `${JSON.stringify(value)}\n`, {
    'cache-control': 'no-store',
  });
}
