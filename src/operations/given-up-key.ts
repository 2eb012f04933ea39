import type { Did } from '../domain/bundle.js';
import type { Catalog, MetadataFiles } from '../ports/catalog.js';
import { parseRoot } from '../trust/parse.js';
import { onlineKeyOf } from '../trust/root-change.js';
import { rootFilesOf } from '../trust/roots.js';

/**
 * What there is to say of a bundle that is signed day by day with a key that its source has given up
 * for another bundle here: whoever stole that key can still make bundles of names that never had another.
 */
export function givenUpKeyWarnings(
  catalog: Catalog,
  { bundle, source }: { bundle: string; source: Did },
  files: MetadataFiles,
): string[] {
  const current = onlineKeys(files).at(-1);
  if (current === undefined) return [];
  const elsewhere = catalog.bundles().find((one) => {
    if (one.source !== source || one.name === bundle) return false;
    const keys = onlineKeys(catalog.metadata(one.id));
    return keys.includes(current) && keys.at(-1) !== current;
  });
  if (elsewhere === undefined) return [];
  return [
    `"${bundle}" is signed with the key ${current}, which its source has given up for "${elsewhere.name}": if that key was stolen, this may be the thief’s; ask the source’s operator`,
  ];
}

/** Whose key signed day by day, root after root. */
function onlineKeys(files: MetadataFiles): Did[] {
  const roots = [...rootFilesOf(files)].map(([name, bytes]) => parseRoot(name, bytes));
  roots.sort((a, b) => a.signed.version - b.signed.version);
  return roots.flatMap((root) => onlineKeyOf(root) ?? []);
}
