import type { JsonObject } from '../../../domain/plan.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import { isObject, parseJsonFile } from '../json.js';
import { addressOf, type ForeignAddresses } from './foreign-addresses.js';

/** Where one package asks for others; `requires` is a lockfile's of version 1. */
const TABLES = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'requires',
];

/** A package.json whose git and file addresses point at the gateway; undefined where it has none. */
export function rewriteManifest(
  file: InputFile,
  gateway: string,
  addresses: ForeignAddresses,
): InputFile | undefined {
  const manifest = parseJsonFile(file);
  return rewriteTables(manifest, gateway, addresses) ? formatted(file, manifest) : undefined;
}

/** Puts the gateway's addresses into a package's tables. @returns whether there were any. */
export function rewriteTables(
  manifest: JsonObject,
  gateway: string,
  addresses: ForeignAddresses,
): boolean {
  let changed = false;
  for (const field of TABLES) {
    const table = manifest[field];
    if (!isObject(table)) continue;
    for (const [name, spec] of Object.entries(table)) {
      const standIn = typeof spec === 'string' ? addresses.asked(name, spec) : undefined;
      if (standIn === undefined) continue;
      table[name] = addressOf(gateway, standIn);
      changed = true;
    }
  }
  return changed;
}

/** JSON as the file had it: the same indent, the same end. */
export function formatted(file: InputFile, json: JsonObject): InputFile {
  const indent = /^[[{]\s*?\n([ \t]+)/.exec(file.text)?.[1] ?? 2;
  const end = file.text.endsWith('\n') ? '\n' : '';
  return { path: file.path, text: JSON.stringify(json, null, indent) + end };
}
