import { join, resolve } from 'node:path';
import { messageOf, XError } from '../domain/errors.js';
import { createDebianPassThrough } from '../ecosystems/debian/pass-through.js';
import { createNpmPassThrough } from '../ecosystems/npm/pass-through.js';
import { createPypiPassThrough } from '../ecosystems/pypi/pass-through.js';
import { systemClock } from '../platform/clock.js';
import { detectHostTarget } from '../platform/host.js';
import type { GatewayServer } from '../ports/ecosystem.js';
import type { Prefetch } from '../ports/passing.js';
import { openSeenReleases } from '../upstream/debian-seen-releases.js';
import { listFolder } from '../upstream/pypi-settings.js';
import type { DataFolder } from './open-data.js';
import type { Outside } from './outside.js';
import { tellLastSeen } from './last-seen.js';
import { warnRarely } from './warn-rarely.js';

export interface DebianMirrorFlags {
  mirror: string | undefined;
  suites: readonly string[];
  components: readonly string[];
  keyring: string | undefined;
}

export interface PassThroughInput {
  data: DataFolder;
  outside: Outside;
  debian: DebianMirrorFlags;
  publicIndexes: readonly string[];
  prefetch: Prefetch;
  warn: (message: string) => void;
}

/** pip, npm and apt over the official sources; apt only where it has sources here. */
export async function passThroughServers(input: PassThroughInput): Promise<GatewayServer[]> {
  const { outside, prefetch, publicIndexes } = input;
  const warn = warnRarely(input.warn);
  const { upstream, pip, registry } = outside;
  const common = { prefetch, warn, onLastSeen: tellLastSeen(systemClock, warn) };
  const packuments = registry.packuments(upstream, publicIndexes);
  const servers = [
    createPypiPassThrough({ ...common, upstream, settings: pip.settings, listFolder }),
    createNpmPassThrough({ ...common, packuments }),
  ];
  try {
    servers.push(await debianServer(input, common));
  } catch (error) {
    if (!(error instanceof XError) || input.debian.mirror !== undefined) throw error;
    warn(`apt is not served: ${messageOf(error)}`);
  }
  return servers;
}

async function debianServer(
  { data, outside, debian, publicIndexes }: PassThroughInput,
  common: Pick<PassThroughInput, 'warn'> & { onLastSeen: ReturnType<typeof tellLastSeen> },
): Promise<GatewayServer> {
  return createDebianPassThrough({
    ...common,
    upstream: outside.upstream,
    store: data.store,
    apt: outside.apt,
    overrides: {
      mirror: debian.mirror,
      ...(debian.suites.length > 0 ? { suites: debian.suites } : {}),
      ...(debian.components.length > 0 ? { components: debian.components } : {}),
      ...(debian.keyring === undefined ? {} : { keyrings: [resolve(debian.keyring)] }),
    },
    target: await detectHostTarget(),
    seen: openSeenReleases(join(data.folder, 'debian-releases.json')),
    publicIndexes,
    clock: systemClock,
  });
}
