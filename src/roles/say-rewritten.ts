import { sha256 } from '../domain/digest.js';
import type { Catalog } from '../ports/catalog.js';
import { GATEWAY, inputsOf, ORIGINAL, readInput } from './carried-inputs.js';

export interface SayRewrittenRequest {
  /** What asks for packages where the command ran: the file's path. */
  path: string;
  catalog: Pick<Catalog, 'entriesBySha256' | 'entriesByPrefix'>;
  say: (text: string) => void;
}

/**
 * Where a command failed in a project that asks repositories or addresses, and a bundle carries the
 * project's files pointing at the gateway: how to get them.
 */
export async function sayRewritten({ path, catalog, say }: SayRewrittenRequest): Promise<void> {
  const bytes = await readInput(path);
  if (bytes === undefined) return;
  const carried = catalog
    .entriesBySha256(sha256(bytes))
    .find(({ kind, path: place }) => kind === 'input' && place.startsWith(ORIGINAL));
  if (carried === undefined) return;
  const copies = [...inputsOf(carried, GATEWAY, { catalog }).keys()];
  // Only a manifest that names something outside has a copy of its own.
  if (!copies.includes(carried.path.slice(ORIGINAL.length))) return;
  say(
    `x: this project asks repositories or addresses that cannot be reached here.\n` +
      `   \`x inputs ${carried.bundleName} DIR\` writes ${copies.join(', ')} as they ask the gateway instead.\n`,
  );
}
