import semver from 'semver';
import type { JsonObject, JsonValue } from '../../domain/plan.js';
import { isObject } from './json.js';

/** A client that a project names, as the package that corepack and the clients themselves ask for. */
export interface ClientPin {
  /** The package: npm, pnpm, yarn, or @yarnpkg/cli-dist, which Yarn is from version 2 on. */
  name: string;
  /** A version, range or tag. */
  spec: string;
  /** The hex SHA-512 of its tarball, where the pin states one. */
  sha512: string | undefined;
  /** For messages. */
  text: string;
}

/**
 * The clients that a package.json pins.
 * @see https://nodejs.org/api/packages.html#packagemanager
 * @see npm help package.json, "devEngines"
 */
export function clientPins(manifest: JsonObject): { pins: ClientPin[]; warnings: string[] } {
  const pins: ClientPin[] = [];
  const warnings: string[] = [];
  const { packageManager, devEngines } = manifest;
  if (typeof packageManager === 'string') {
    const pin = corepackPin(packageManager);
    if (pin === undefined) warnings.push(notCarried(`"packageManager": "${packageManager}"`));
    else pins.push(pin);
  }
  const engines = isObject(devEngines) ? devEngines['packageManager'] : undefined;
  for (const engine of Array.isArray(engines) ? engines : [engines]) {
    if (!isObject(engine) || typeof engine['version'] !== 'string') continue;
    const text = `"devEngines": ${String(engine['name'])} ${engine['version']}`;
    const name = packageOf(engine['name'], engine['version']);
    if (name === undefined) warnings.push(notCarried(text));
    else pins.push({ name, spec: engine['version'], sha512: undefined, text });
  }
  return { pins, warnings };
}

/** `pnpm@9.15.0+sha512.…`: an exact version, with a hash of one of several kinds. */
function corepackPin(text: string): ClientPin | undefined {
  const match = /^([a-z]+)@([^+\s]+)(?:\+([a-z0-9]+)\.([0-9a-f]+))?$/.exec(text);
  const [, client, version = '', algorithm, hex] = match ?? [];
  const name = packageOf(client, version);
  if (name === undefined || semver.valid(version) === null) return undefined;
  // corepack hashes the program inside Yarn's newer package, and the tarball of the others.
  const isTarball = algorithm === 'sha512' && name !== '@yarnpkg/cli-dist';
  return {
    name,
    spec: version,
    sha512: isTarball ? hex : undefined,
    text: `"packageManager": "${text}"`,
  };
}

function packageOf(client: JsonValue | undefined, range: string): string | undefined {
  if (client === 'npm' || client === 'pnpm') return client;
  if (client !== 'yarn' || semver.validRange(range) === null) return undefined;
  const least = semver.minVersion(range);
  return least !== null && least.major >= 2 ? '@yarnpkg/cli-dist' : 'yarn';
}

function notCarried(what: string): string {
  return `${what.slice(0, 200)} names a client that is not carried: npm, pnpm and yarn are, by version`;
}
