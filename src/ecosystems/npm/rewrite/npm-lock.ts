import type { JsonObject } from '../../../domain/plan.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import { gatewayTarball } from '../gateway-address.js';
import { isObject, parseJsonFile } from '../json.js';
import { isPackageName, isVersion } from '../names.js';
import { lockedName } from '../locks/check-npm-lock.js';
import {
  addressOf,
  integrityOf,
  type ForeignAddresses,
  type StandIn,
} from './foreign-addresses.js';
import { formatted, rewriteTables } from './manifest.js';

/**
 * A package-lock.json or npm-shrinkwrap.json whose addresses point at the gateway: registries', files'
 * and repositories' alike; links stay. Undefined where there is nothing to rewrite.
 */
export function rewriteNpmLock(
  file: InputFile,
  gateway: string,
  addresses: ForeignAddresses,
): InputFile | undefined {
  const lockfile = parseJsonFile(file);
  let changed = false;
  const rewrite = (name: string | undefined, entry: JsonObject): void => {
    const isRewritten =
      rewriteForeign(entry, gateway, addresses) || rewriteRegistry(name, entry, gateway);
    const asks = rewriteTables(entry, gateway, addresses);
    changed ||= isRewritten || asks;
  };
  const packages = lockfile['packages'];
  for (const [location, entry] of Object.entries(isObject(packages) ? packages : {})) {
    if (isObject(entry) && entry['link'] !== true) rewrite(lockedName(location, entry), entry);
  }
  const pending = [lockfile['dependencies']];
  for (const level of pending) {
    for (const [name, entry] of Object.entries(isObject(level) ? level : {})) {
      if (!isObject(entry)) continue;
      if (entry['dependencies'] !== undefined) pending.push(entry['dependencies']);
      rewrite(name, entry);
    }
  }
  return changed ? formatted(file, lockfile) : undefined;
}

function rewriteRegistry(
  installedAs: string | undefined,
  entry: JsonObject,
  gateway: string,
): boolean {
  const { resolved } = entry;
  const locked = typeof entry['version'] === 'string' ? entry['version'] : '';
  // Version 1 writes an alias so.
  const [, name = installedAs, version = locked] = /^npm:(.+)@([^@]+)$/.exec(locked) ?? [];
  if (name === undefined || !isPackageName(name)) return false;
  if (!isVersion(version) || typeof resolved !== 'string' || !/^https?:/.test(resolved)) {
    return false;
  }
  entry['resolved'] = gatewayTarball(gateway, name, version);
  return true;
}

function rewriteForeign(entry: JsonObject, gateway: string, addresses: ForeignAddresses): boolean {
  const at = (key: string): StandIn | undefined => {
    const address = entry[key];
    return typeof address === 'string' ? addresses.at(address) : undefined;
  };
  const resolved = at('resolved');
  // Version 1 writes the address in the version's place.
  const standIn = resolved ?? at('version');
  if (standIn === undefined) return false;
  if (resolved === undefined) {
    entry['version'] = addressOf(gateway, standIn);
    delete entry['from'];
  } else {
    entry['resolved'] = addressOf(gateway, standIn);
    entry['version'] = standIn.version;
  }
  const integrity = integrityOf(standIn);
  if (integrity !== undefined) entry['integrity'] = integrity;
  return true;
}
