import type { JsonObject } from '../../domain/plan.js';
import type { InputFile } from '../../ports/ecosystem.js';
import { gatewayTarball } from './gateway-address.js';
import { isObject, parseJsonFile } from './json.js';
import { isPackageName, isVersion } from './names.js';
import { lockedName } from './project.js';

/**
 * A lockfile whose registry addresses point at the gateway; git, file and link entries stay.
 * Undefined where there is nothing to rewrite.
 */
export function rewriteLockfile(file: InputFile, gateway: string): InputFile | undefined {
  const lockfile = parseJsonFile(file);
  let changed = false;
  const rewrite = (name: string | undefined, entry: JsonObject): void => {
    const { version, resolved } = entry;
    if (name === undefined || !isPackageName(name) || typeof version !== 'string') return;
    if (!isVersion(version) || typeof resolved !== 'string' || !/^https?:/.test(resolved)) return;
    entry['resolved'] = gatewayTarball(gateway, name, version);
    changed = true;
  };
  const packages = lockfile['packages'];
  for (const [location, entry] of Object.entries(isObject(packages) ? packages : {})) {
    if (isObject(entry) && entry['link'] !== true) rewrite(lockedName(location, entry), entry);
  }
  const pending = [lockfile['dependencies']];
  for (const level of pending) {
    for (const [name, entry] of Object.entries(isObject(level) ? level : {})) {
      if (!isObject(entry)) continue;
      rewrite(name, entry);
      if (entry['dependencies'] !== undefined) pending.push(entry['dependencies']);
    }
  }
  if (!changed) return undefined;
  const indent = /^[[{]\s*?\n([ \t]+)/.exec(file.text)?.[1] ?? 2;
  const end = file.text.endsWith('\n') ? '\n' : '';
  return { path: file.path, text: JSON.stringify(lockfile, null, indent) + end };
}
