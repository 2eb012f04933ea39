import { BOUNDS } from '../../domain/bounds.js';
import type { JsonObject } from '../../domain/plan.js';
import type { HeldView, NativeRequest } from '../../ports/ecosystem.js';
import { heldPackument } from './held-packages.js';

const DEFAULT_SIZE = 20;

/**
 * Held packages whose name contains every word asked for, in npm's search form.
 * @see https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md#get-v1search
 */
export async function search(request: NativeRequest, view: HeldView): Promise<JsonObject> {
  const words = (request.query.get('text') ?? '').toLowerCase().split(/\s+/).filter(isPlainWord);
  const size = bounded(request.query.get('size'), DEFAULT_SIZE, BOUNDS.searchResults);
  const from = bounded(request.query.get('from'), 0, BOUNDS.manifestEntries);
  const names: string[] = [];
  for (const name of view.names('npm')) {
    if (names.length >= BOUNDS.searchedNames) break;
    if (words.every((word) => name.toLowerCase().includes(word))) names.push(name);
  }
  const objects: JsonObject[] = [];
  for (const name of names.slice(from, from + size)) {
    const held = await heldPackument(view, name);
    const version = held?.document.distTags['latest'];
    if (held === undefined || version === undefined) continue;
    objects.push(
      resultOf(name, version, held.document.versions[version], held.document.time[version]),
    );
  }
  // Clients print the date of the answer; the newest that the held packages know is a true one.
  const time = objects.map((object) => (object['package'] as JsonObject)['date']).sort();
  return { objects, total: names.length, time: time.at(-1) ?? '1970-01-01T00:00:00.000Z' };
}

/** Qualifiers such as `keywords:x` narrow by what is not held here. */
function isPlainWord(word: string): boolean {
  return word !== '' && !word.includes(':');
}

function resultOf(
  name: string,
  version: string,
  manifest: JsonObject | undefined,
  time: string | undefined,
): JsonObject {
  const description = manifest?.['description'];
  return {
    package: {
      name,
      scope: name.startsWith('@') ? name.slice(1, name.indexOf('/')) : 'unscoped',
      version,
      description: typeof description === 'string' ? description : '',
      keywords: [],
      date: time ?? '1970-01-01T00:00:00.000Z',
      links: {},
      publisher: { username: '', email: '' },
      maintainers: [],
    },
    score: { final: 1, detail: { quality: 1, popularity: 1, maintenance: 1 } },
    searchScore: 1,
  };
}

function bounded(text: string | null, otherwise: number, most: number): number {
  return text !== null && /^\d{1,9}$/.test(text) ? Math.min(Number(text), most) : otherwise;
}
