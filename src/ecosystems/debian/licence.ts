import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { licenceName } from '../../domain/licence.js';
import { readDataFile } from './deb.js';

/** SPDX identifiers of the short names that Debian's copyright files use and SPDX does not. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  Expat: 'MIT',
  'GPL-1': 'GPL-1.0-only',
  'GPL-1+': 'GPL-1.0-or-later',
  'GPL-2': 'GPL-2.0-only',
  'GPL-2+': 'GPL-2.0-or-later',
  'GPL-3': 'GPL-3.0-only',
  'GPL-3+': 'GPL-3.0-or-later',
  'LGPL-2': 'LGPL-2.0-only',
  'LGPL-2+': 'LGPL-2.0-or-later',
  'LGPL-2.1': 'LGPL-2.1-only',
  'LGPL-2.1+': 'LGPL-2.1-or-later',
  'LGPL-3': 'LGPL-3.0-only',
  'LGPL-3+': 'LGPL-3.0-or-later',
  'AGPL-3': 'AGPL-3.0-only',
  'AGPL-3+': 'AGPL-3.0-or-later',
  'BSD-3-clause': 'BSD-3-Clause',
  'BSD-2-clause': 'BSD-2-Clause',
  Artistic: 'Artistic-1.0',
};

/**
 * The licences of a .deb by its copyright file, where that is machine-readable and the package small
 * enough to be unpacked for it; undefined otherwise.
 * @see https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
 */
export async function licenceOfDeb(
  deb: AsyncIterable<Uint8Array>,
  lengthBytes: number,
  where: string,
): Promise<string | undefined> {
  if (lengthBytes > BOUNDS.licencePackageBytes) return undefined;
  try {
    const path = /^(?:\.\/)?usr\/share\/doc\/[^/]+\/copyright$/;
    const text = await readDataFile(deb, path, where);
    return text === undefined ? undefined : licenceOfCopyright(text);
  } catch (thrown) {
    // What dpkg would unpack and this does not says nothing of the package’s soundness.
    if (thrown instanceof XError) return undefined;
    throw thrown;
  }
}

/** The licences of all files of a machine-readable copyright file, joined. */
export function licenceOfCopyright(text: string): string | undefined {
  if (!/^Format:.*copyright-format/m.test(text)) return undefined;
  const names = new Set<string>();
  for (const paragraph of text.split(/\n[ \t]*\n/)) {
    if (!/^Files:/m.test(paragraph)) continue;
    const synopsis = /^Licen[sc]e:[ \t]*(.+)$/m.exec(paragraph)?.[1];
    if (synopsis !== undefined) names.add(expressionOf(synopsis.trim()));
  }
  return licenceName([...names].sort().join(' AND '));
}

function expressionOf(synopsis: string): string {
  const words = synopsis.split(/\s+/).map((word) => {
    if (/^(and|or)$/i.test(word)) return word.toUpperCase();
    const comma = word.endsWith(',') ? ',' : '';
    const name = comma === '' ? word : word.slice(0, -1);
    return `${SHORT_NAMES[name] ?? name}${comma}`;
  });
  const expression = words.join(' ');
  return / OR /.test(expression) ? `(${expression})` : expression;
}
