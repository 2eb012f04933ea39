import { homedir } from 'node:os';
import { join } from 'node:path';
import { XError } from '../domain/errors.js';
import { pacedUpstream } from '../operations/paced-upstream.js';
import { readAptHost } from '../platform/apt-host.js';
import { systemClock } from '../platform/clock.js';
import { systemRandom } from '../platform/random.js';
import type { AptHost } from '../ports/apt.js';
import type { NpmSettings } from '../ports/npm-registry.js';
import type { RateLimit } from '../ports/rate-limit.js';
import type { Report } from '../ports/progress.js';
import type { Upstream } from '../ports/upstream.js';
import { readAptCredentials } from '../upstream/debian-credentials.js';
import { proxiesOfEnvironment, type ProxySettings } from '../upstream/http-connections.js';
import { createNpmRegistry, type NpmRegistryAdapter } from '../upstream/npm-registry.js';
import { createUpstream } from '../upstream/open-upstream.js';
import { readPipConfiguration, type PipConfiguration } from '../upstream/pypi-settings.js';
import { readOrUndefined } from './open-data.js';

export interface OutsideInput {
  /** The data folder. */
  folder: string;
  /** Registries and indexes whose packages may be named in public, beside the official ones. */
  publicIndexes: readonly string[];
  /** A Debian mirror of the command line. */
  debianMirror: string | undefined;
  /** How fast files are fetched. */
  down?: RateLimit | undefined;
  report: Report;
}

/** The official sources, as the native clients of this machine are set to reach them. */
export interface Outside {
  registry: NpmRegistryAdapter;
  pip: PipConfiguration;
  apt: AptHost;
  upstream: Upstream;
  close(): Promise<void>;
}

/** Reads the native clients' own configuration: addresses, credentials, proxies, authorities. */
export async function openOutside(input: OutsideInput): Promise<Outside> {
  const registry = createNpmRegistry({ env: process.env, folder: process.cwd() });
  const [npm, pip, apt] = await Promise.all([
    registry.settings(),
    readPipConfiguration({
      env: process.env,
      home: homedir(),
      publicIndexes: input.publicIndexes,
    }),
    readAptHost(),
  ]);
  const aptLogins = await readAptCredentials([
    ...(input.debianMirror === undefined ? [] : [input.debianMirror]),
    // Not parsed here: a malformed line is refused by who asks for Debian packages.
    ...apt.sources.flatMap(({ text }) => text.match(/https?:\/\/[^\s/@]+@\S+/g) ?? []),
  ]);
  for (const message of aptLogins.warnings) input.report({ event: 'warning', message });
  const pipAuthorities = await authoritiesOf(pip.certFile);
  const upstream = createUpstream({
    clock: systemClock,
    random: systemRandom,
    cacheFolder: join(input.folder, 'cache', 'upstream'),
    certificateAuthorities: [...pipAuthorities, ...npm.connection.certificateAuthorities],
    proxy: proxiesOf(npm.connection, pip.proxy),
    routeFor: (url, ecosystem) => {
      const own = ecosystem === 'npm' ? registry.npmConnection(url) : undefined;
      if (own === undefined) return undefined;
      return {
        proxy: proxiesOf(own, pip.proxy),
        certificateAuthorities: [...pipAuthorities, ...own.certificateAuthorities],
      };
    },
    credentialsFor: (url, ecosystem) => {
      if (ecosystem === 'pypi') return pip.credentialsFor(url);
      const authorization =
        ecosystem === 'npm' ? registry.npmAuthorization(url) : aptLogins.authorizationFor(url);
      return authorization === undefined ? undefined : { authorization };
    },
  });
  const close = async (): Promise<void> => {
    await upstream.close();
    await registry.close();
  };
  const paced = input.down === undefined ? upstream : pacedUpstream(upstream, input.down);
  return { registry, pip, apt, upstream: paced, close };
}

/** The environment's proxies; npm's and pip's own settings where it names none. */
function proxiesOf(npm: NpmSettings['connection'], pip: string | undefined): ProxySettings {
  const env = proxiesOfEnvironment(process.env);
  return {
    httpProxy: env.httpProxy ?? npm.httpProxy ?? pip,
    httpsProxy: env.httpsProxy ?? npm.httpsProxy ?? pip,
    noProxy: env.noProxy ?? npm.noProxy,
  };
}

/** pip's `cert`, for every ecosystem: a host behind an inspecting proxy has one authority for all. */
async function authoritiesOf(certFile: string | undefined): Promise<string[]> {
  if (certFile === undefined) return [];
  const text = await readOrUndefined(certFile);
  if (text !== undefined) return [text];
  throw new XError(
    'INPUT_NOT_FOUND',
    `pip's configuration names the certificate file ${certFile}, which is not there`,
  );
}
