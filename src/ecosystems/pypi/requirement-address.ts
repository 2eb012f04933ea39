import { parseFilename } from './filename.js';

const ARCHIVE = /\.(?:whl|zip|tar|tgz|tbz|txz|tlz|tar\.(?:gz|bz2|xz|lz|lzma))$/i;

/** Why a text cannot be carried, where it is pip's but names no published file. */
export function localProblem(text: string): string | undefined {
  const beforeMarker = text.split(/;|@/, 1)[0]?.trim() ?? '';
  const isAddress = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  if (/^(?:git|hg|svn|bzr)\+/.test(text)) {
    return 'version control addresses cannot be carried; name a released version or the address of a wheel';
  }
  if (isAddress) return undefined;
  if (/^(?:\.{1,2}(?:$|[\\[])|[A-Za-z]:[\\/])/.test(beforeMarker) || /\//.test(beforeMarker)) {
    return 'local paths are of this machine alone; build a wheel and name its folder with --find-links';
  }
  if (/^[^\s@;[\]=<>!~]+$/.test(beforeMarker) && ARCHIVE.test(beforeMarker)) {
    return 'local files are of this machine alone; name their folder with --find-links';
  }
  return undefined;
}

/** What is wrong with the address of a requirement, undefined where it can be carried. */
export function addressProblem(url: string): string | undefined {
  const local = localProblem(url);
  if (local !== undefined) return local;
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !/^(?:https?|file):$/.test(address.protocol)) {
    return 'not an http, https or file address';
  }
  const isFile = parseFilename(lastSegmentOf(address.pathname)) !== undefined;
  return isFile ? undefined : 'the address does not end in the name of a wheel or an sdist';
}

/** The last segment of a path, decoded; empty where it cannot be. */
export function lastSegmentOf(pathname: string): string {
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1));
  } catch (thrown) {
    if (thrown instanceof URIError) return '';
    throw thrown;
  }
}
