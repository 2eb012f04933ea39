import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry } from '../domain/bundle.js';
import type { EcosystemServer } from '../ports/ecosystem.js';

/**
 * Pure: what a person types next to install something of what came, one line an ecosystem: a package
 * that no other of its bundle needs is most likely what was asked for.
 */
export function nextCommands(
  bundles: readonly (() => Iterable<BundleEntry>)[],
  servers: readonly EcosystemServer[],
): string[] {
  const found = new Map<string, BundleEntry>();
  for (const entries of bundles) {
    const needed = new Set<string>();
    for (const { requires } of first(entries())) for (const purl of requires) needed.add(purl);
    for (const entry of first(entries())) {
      if (entry.kind !== 'package' || entry.ecosystem === undefined) continue;
      if (entry.purl !== undefined && needed.has(entry.purl)) continue;
      if (!found.has(entry.ecosystem)) found.set(entry.ecosystem, entry);
    }
  }
  const commands = servers.flatMap((server) => {
    const { name, version } = found.get(server.name) ?? {};
    return name === undefined || version === undefined
      ? []
      : [server.installCommand(name, version)];
  });
  // An ecosystem may be served in two ways.
  return [...new Set(commands)];
}

/** Enough to find one to name. */
function* first(entries: Iterable<BundleEntry>): Generator<BundleEntry> {
  let count = 0;
  for (const entry of entries) {
    if (++count > BOUNDS.entriesForNextCommand) return;
    yield entry;
  }
}
