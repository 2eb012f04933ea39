import { pathToFileURL } from 'node:url';
import { XError } from '../../domain/errors.js';
import type { PypiFormatControl, PypiIndex, PypiSettings } from '../../ports/pypi-settings.js';
import { normalizeName } from './filename.js';
import type { InputOptions } from './input.js';

/** pip's configuration with what the input files say on top, as pip combines them. */
export function settingsWith(base: PypiSettings, options: readonly InputOptions[]): PypiSettings {
  let settings = base;
  for (const one of options) settings = withOptions(settings, one);
  return settings;
}

function withOptions(base: PypiSettings, options: InputOptions): PypiSettings {
  const replaced = options.indexUrl === undefined ? undefined : indexOf(options.indexUrl, base);
  const extras = options.extraIndexUrls.map((url) => indexOf(url, base));
  const indexes = replaced === undefined ? base.indexes : [replaced, ...base.indexes.slice(1)];
  return {
    indexes: options.noIndex ? [] : [...indexes, ...extras],
    findLinks: [...base.findLinks, ...options.findLinks.map(linkOf)],
    noIndex: base.noIndex || options.noIndex,
    onlyBinary: formatControl(options.onlyBinary, base.onlyBinary),
    noBinary: formatControl(options.noBinary, base.noBinary),
    preReleases: base.preReleases || options.preReleases,
  };
}

/** A file's own index address; what the configuration knows of that index still counts. */
function indexOf(text: string, base: PypiSettings): PypiIndex {
  if (!URL.canParse(text)) throw new XError('INPUT_MALFORMED', `not an index address: ${text}`);
  const address = new URL(text);
  const hasCredentials = address.username !== '' || address.password !== '';
  if (hasCredentials) {
    throw new XError('INPUT_MALFORMED', `credentials stand in the address of ${address.host}`, {
      hint: 'Keep them in pip.conf, PIP_INDEX_URL or .netrc: an input file travels with the bundle.',
    });
  }
  const url = address.href.replace(/\/+$/, '');
  const known = base.indexes.find((index) => index.url === url);
  return known ?? { url, isPinned: false, isPublic: url === 'https://pypi.org/simple' };
}

/** A find-links place: an address, or a path of this machine. */
function linkOf(text: string): string {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text) ? text : pathToFileURL(text).href;
}

/** `:all:`, `:none:` and names, applied in order, as pip does. */
export function formatControl(
  words: readonly string[],
  base: PypiFormatControl,
): PypiFormatControl {
  let all = base.all;
  const names = new Set(base.names);
  for (const word of words.map((one) => one.trim())) {
    if (word === ':all:') all = true;
    else if (word === ':none:') {
      all = false;
      names.clear();
    } else if (word !== '') names.add(normalizeName(word));
  }
  return { all, names };
}
