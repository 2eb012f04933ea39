import { XError } from '../../domain/errors.js';
import type {
  IndexCredentials,
  PypiFormatControl,
  PypiIndex,
  PypiSettings,
} from '../../ports/pypi-settings.js';
import { normalizeName } from './filename.js';
import type { InputOptions } from './input.js';

/** pip's configuration with what the input files say on top, as pip combines them. */
export function settingsWith(
  base: PypiSettings,
  options: readonly InputOptions[],
  credentials: IndexCredentials,
): PypiSettings {
  let settings = base;
  for (const one of options) settings = withOptions(settings, one, credentials);
  return settings;
}

function withOptions(
  base: PypiSettings,
  options: InputOptions,
  credentials: IndexCredentials,
): PypiSettings {
  const named = (url: string): PypiIndex => indexOf(url, base, credentials);
  const replaced = options.indexUrl === undefined ? undefined : named(options.indexUrl);
  const extras = options.extraIndexUrls.map(named);
  // As in pip, an index that a file names takes the place of all that were named before it.
  const indexes = replaced === undefined ? base.indexes : [replaced];
  return {
    indexes: options.noIndex ? [] : [...indexes, ...extras],
    findLinks: [...base.findLinks, ...options.findLinks],
    noIndex: base.noIndex || options.noIndex,
    onlyBinary: formatControl(options.onlyBinary, base.onlyBinary),
    noBinary: formatControl(options.noBinary, base.noBinary),
    preReleases: base.preReleases || options.preReleases,
    preferBinary: base.preferBinary || options.preferBinary,
    requireHashes: base.requireHashes || options.requireHashes,
    constraints: base.constraints,
  };
}

/** A file's own index address; what the configuration knows of that index still counts. */
function indexOf(text: string, base: PypiSettings, credentials: IndexCredentials): PypiIndex {
  if (!URL.canParse(text)) throw new XError('INPUT_MALFORMED', `not an index address: ${text}`);
  const url = new URL(text).href.replace(/\/+$/, '');
  const hasCredentials = credentials.addIndex(url);
  const known = base.indexes.find((index) => index.url === url);
  if (known !== undefined) return { ...known, isPinned: known.isPinned || hasCredentials };
  const isPublic = url === 'https://pypi.org/simple' && !hasCredentials;
  return { url, isPinned: hasCredentials, isPublic };
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
