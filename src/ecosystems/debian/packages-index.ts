import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { fieldOf, PackageVersion } from './package-version.js';
import type { ReleaseIndex } from './release-index.js';

/**
 * Parses a Packages file while it arrives, in stanzas; nothing but the text of one chunk and the
 * unfinished stanza is looked at at a time.
 * @throws XError UPSTREAM_MALFORMED on a stanza without Package, Version or Architecture;
 *   LIMIT_EXCEEDED on a stanza or a file past its bound.
 */
export async function parsePackages(
  source: AsyncIterable<Uint8Array>,
  index: ReleaseIndex | undefined,
  where: string,
): Promise<PackageVersion[]> {
  const versions: PackageVersion[] = [];
  let rest = '';
  let total = 0;
  for await (const chunk of source) {
    total += chunk.length;
    if (total > BOUNDS.packagesFileBytes) {
      throw new XError('LIMIT_EXCEEDED', `${where}: more than ${BOUNDS.packagesFileBytes} bytes`);
    }
    const text =
      rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    const end = text.lastIndexOf('\n\n');
    if (end >= 0) parseBlock(text, end + 1, index, where, versions);
    rest = end >= 0 ? text.slice(end + 2) : text;
    if (rest.length > BOUNDS.stanzaBytes) throw oversized(where, versions);
  }
  parseBlock(rest, rest.length, index, where, versions);
  return versions;
}

function parseBlock(
  text: string,
  blockEnd: number,
  index: ReleaseIndex | undefined,
  where: string,
  versions: PackageVersion[],
): void {
  let start = 0;
  while (start < blockEnd) {
    if (text[start] === '\n') {
      start++;
      continue;
    }
    const blank = text.indexOf('\n\n', start);
    const end = blank < 0 || blank > blockEnd ? blockEnd : blank;
    if (end - start > BOUNDS.stanzaBytes) throw oversized(where, versions);
    versions.push(parseStanza(text.slice(start, end), index, where, versions.length));
    start = end + 1;
  }
}

function parseStanza(
  stanza: string,
  index: ReleaseIndex | undefined,
  where: string,
  count: number,
): PackageVersion {
  const name = fieldOf(stanza, 'Package') ?? '';
  const version = fieldOf(stanza, 'Version') ?? '';
  const architecture = fieldOf(stanza, 'Architecture') ?? '';
  if (!/^[A-Za-z0-9][A-Za-z0-9.+_-]*$/.test(name) || version === '' || architecture === '') {
    throw new XError(
      'UPSTREAM_MALFORMED',
      `${where}: stanza ${count + 1} lacks a proper Package, Version or Architecture: ${stanza.slice(0, 80).replaceAll('\n', ' ')}`,
    );
  }
  return new PackageVersion(name, version, architecture, stanza, index);
}

function oversized(where: string, versions: PackageVersion[]): XError {
  return new XError(
    'LIMIT_EXCEEDED',
    `${where}: the stanza after ${versions.at(-1)?.label ?? 'the beginning'} is larger than ${BOUNDS.stanzaBytes} bytes`,
  );
}
