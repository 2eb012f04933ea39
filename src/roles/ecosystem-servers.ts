import type { EcosystemServer } from '../ports/ecosystem.js';
import { createDebianOriginalServer, createDebianServer } from '../ecosystems/debian/server.js';
import { createNpmServer } from '../ecosystems/npm/server.js';
import { createPypiServer } from '../ecosystems/pypi/server.js';

export interface ServerOptions {
  /** More keyrings that Debian releases may be checked against. */
  debianKeyrings?: readonly string[];
}

/** The isolated half of every ecosystem. */
export function createServers(options: ServerOptions = {}): EcosystemServer[] {
  return [
    createPypiServer(),
    createNpmServer(),
    createDebianServer({ keyrings: options.debianKeyrings ?? [] }),
    createDebianOriginalServer(),
  ];
}

/** The native clients that a gateway serves, as they are called. */
export function nativeCommands(): string[] {
  return [...new Set(createServers().flatMap(({ commands }) => commands))];
}
