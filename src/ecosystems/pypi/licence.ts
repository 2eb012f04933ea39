import { licenceName } from '../../domain/licence.js';
import { parseHeaders } from './core-metadata.js';

/** SPDX identifiers of classifiers that name one licence in one version (PyPI's list of trove classifiers). */
const CLASSIFIERS: Readonly<Record<string, string>> = {
  'Apache Software License': 'Apache-2.0',
  'MIT License': 'MIT',
  'MIT No Attribution License (MIT-0)': 'MIT-0',
  'ISC License (ISCL)': 'ISC',
  'Mozilla Public License 2.0 (MPL 2.0)': 'MPL-2.0',
  'Mozilla Public License 1.1 (MPL 1.1)': 'MPL-1.1',
  'GNU General Public License v2 (GPLv2)': 'GPL-2.0-only',
  'GNU General Public License v2 or later (GPLv2+)': 'GPL-2.0-or-later',
  'GNU General Public License v3 (GPLv3)': 'GPL-3.0-only',
  'GNU General Public License v3 or later (GPLv3+)': 'GPL-3.0-or-later',
  'GNU Lesser General Public License v2 (LGPLv2)': 'LGPL-2.0-only',
  'GNU Lesser General Public License v2 or later (LGPLv2+)': 'LGPL-2.0-or-later',
  'GNU Lesser General Public License v3 (LGPLv3)': 'LGPL-3.0-only',
  'GNU Lesser General Public License v3 or later (LGPLv3+)': 'LGPL-3.0-or-later',
  'GNU Affero General Public License v3': 'AGPL-3.0-only',
  'GNU Affero General Public License v3 or later (AGPLv3+)': 'AGPL-3.0-or-later',
  'Python Software Foundation License': 'PSF-2.0',
  'Eclipse Public License 2.0 (EPL-2.0)': 'EPL-2.0',
  'Boost Software License 1.0 (BSL-1.0)': 'BSL-1.0',
  'The Unlicense (Unlicense)': 'Unlicense',
  'zlib/libpng License': 'Zlib',
};

/**
 * The licence that core metadata names: License-Expression (PEP 639), or a License that is a name and
 * no text, or the classifiers.
 */
export function licenceOfMetadata(bytes: Uint8Array, where: string): string | undefined {
  const headers = parseHeaders(new TextDecoder().decode(bytes), where);
  const written =
    licenceName(headers.get('license-expression')?.[0]) ?? licenceName(headers.get('license')?.[0]);
  if (written !== undefined) return written;
  const prefix = /^License :: (?:OSI Approved :: )?/;
  const names = (headers.get('classifier') ?? [])
    .filter((text) => prefix.test(text) && text !== 'License :: OSI Approved')
    .map((text) => text.replace(prefix, ''))
    .map((name) => CLASSIFIERS[name] ?? name);
  return licenceName([...new Set(names)].join(' AND '));
}
