import { BOUNDS } from '../domain/bounds.js';
import { nearest } from '../domain/nearest.js';
import type { NpmConfig } from './npm-config.js';

/** How many names a hint has room for. */
const NEAR_NAMES = 3;
const ASKED_NAMES = 50;

/**
 * Names near to one that the registry lacks, by its own search. Only a hint depends on it: a registry
 * without search, or a slow one, has none to offer.
 */
export async function nearNpmNames(name: string, config: NpmConfig): Promise<string[]> {
  try {
    const query = new URLSearchParams({ text: name, size: String(ASKED_NAMES) });
    const { default: registryFetch } = await import('npm-registry-fetch');
    const response = await registryFetch(`/-/v1/search?${query.toString()}`, {
      ...config.options,
      fetchRetries: 0,
      signal: AbortSignal.timeout(BOUNDS.hintMs),
    });
    return nearest(name, namesIn(await readJson(response.body)), NEAR_NAMES);
  } catch {
    // The failure that the hint is for is the one to report.
    return [];
  }
}

async function readJson(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > BOUNDS.packageJsonBytes) return undefined;
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks, total).toString('utf8'));
}

function namesIn(answer: unknown): string[] {
  if (typeof answer !== 'object' || answer === null || !('objects' in answer)) return [];
  const { objects } = answer;
  if (!Array.isArray(objects)) return [];
  return objects.slice(0, ASKED_NAMES).flatMap((found: unknown) => {
    const shown = (found as { package?: { name?: unknown } } | null)?.package?.name;
    return typeof shown === 'string' && /^[\w@./-]{1,214}$/.test(shown) ? [shown] : [];
  });
}
