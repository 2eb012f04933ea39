import { sha256 } from '../../../domain/digest.js';
import type { AptSource } from './sources-list.js';

/** A source with the name that its suite has in a bundle. */
export interface NamedSource extends AptSource {
  /** The suite's own name, made safe; with a digest of the address where two repositories share it. */
  suiteId: string;
}

/** Gives every suite of every repository a name of its own; the same sources get the same names. */
export function nameSuites(sources: readonly AptSource[]): NamedSource[] {
  const plainOf = ({ suite, uri }: AptSource): string => {
    const plain = suite
      .replace(/\/+$/, '')
      .replace(/^[./]+/, '')
      .replace(/[^A-Za-z0-9.+-]+/g, '-');
    return plain === '' ? `flat-${digestOf(uri)}` : plain;
  };
  const repositories = new Map<string, Set<string>>();
  for (const source of sources) {
    const plain = plainOf(source);
    repositories.set(plain, (repositories.get(plain) ?? new Set()).add(source.uri));
  }
  return sources.map((source) => {
    const plain = plainOf(source);
    const isFirst = [...(repositories.get(plain) ?? [])][0] === source.uri;
    return { ...source, suiteId: isFirst ? plain : `${plain}.${digestOf(source.uri)}` };
  });
}

function digestOf(uri: string): string {
  return sha256(uri.replace(/\/\/[^/@]*@/, '//')).slice(0, 8);
}
