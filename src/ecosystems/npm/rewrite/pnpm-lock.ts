import type { JsonObject } from '../../../domain/plan.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import { isObject } from '../json.js';
import { gitAddress, nameAndVersion, parsePnpmYaml, withoutPeers } from '../locks/pnpm-lock.js';
import { isVersion } from '../names.js';
import { addressOf, integrityOf, type ForeignAddresses } from './foreign-addresses.js';

/** The tables in which an importer asks for packages. */
const IMPORTER_TABLES = ['dependencies', 'devDependencies', 'optionalDependencies'];

/**
 * A pnpm-lock.yaml whose addresses point at the gateway. The names under which pnpm knows packages stay,
 * though they may be made of addresses: pnpm fetches from where `resolution` says. Undefined where there is
 * nothing to rewrite.
 */
export async function rewritePnpmLock(
  file: InputFile,
  gateway: string,
  addresses: ForeignAddresses,
): Promise<InputFile | undefined> {
  const documents = await parsePnpmYaml(file, 'typed');
  const changes = documents.map((document) => {
    const packages = rewritePackages(document, gateway, addresses);
    const asked = rewriteImporters(document, gateway, addresses);
    return packages || asked;
  });
  if (!changes.includes(true)) return undefined;
  const { CORE_SCHEMA, dump } = await import('js-yaml');
  const texts = documents.map((document) => dump(document, { schema: CORE_SCHEMA, lineWidth: -1 }));
  return { path: file.path, text: texts.join('---\n') };
}

function rewritePackages(
  { packages }: JsonObject,
  gateway: string,
  addresses: ForeignAddresses,
): boolean {
  let changed = false;
  for (const [key, entry] of Object.entries(isObject(packages) ? packages : {})) {
    const resolution = isObject(entry) ? entry['resolution'] : undefined;
    if (!isObject(entry) || !isObject(resolution)) continue;
    const { tarball, type } = resolution;
    const address = type === 'git' ? gitAddress(resolution) : tarball;
    if (typeof address !== 'string') continue;
    const standIn = addresses.at(address);
    if (standIn !== undefined) {
      const integrity = integrityOf(standIn);
      entry['resolution'] = {
        ...(integrity === undefined ? {} : { integrity }),
        tarball: addressOf(gateway, standIn),
      };
    } else if (type === undefined && isVersion(nameAndVersion(withoutPeers(key)).version)) {
      // Of a registry; without its address pnpm asks the one that it is configured with.
      delete resolution['tarball'];
    } else {
      continue;
    }
    changed = true;
  }
  return changed;
}

/** What importers ask for is compared with their package.json. */
function rewriteImporters(
  document: JsonObject,
  gateway: string,
  addresses: ForeignAddresses,
): boolean {
  const { importers } = document;
  let changed = false;
  for (const importer of isObject(importers) ? Object.values(importers) : [document]) {
    if (!isObject(importer)) continue;
    for (const table of IMPORTER_TABLES.map((field) => importer[field])) {
      for (const [name, locked] of Object.entries(isObject(table) ? table : {})) {
        const specifier = isObject(locked) ? locked['specifier'] : undefined;
        if (!isObject(locked) || typeof specifier !== 'string') continue;
        const standIn = addresses.asked(name, specifier);
        if (standIn === undefined) continue;
        locked['specifier'] = addressOf(gateway, standIn);
        changed = true;
      }
    }
  }
  return changed;
}
