/** One opening tag of a page. */
export interface HtmlTag {
  /** What stands between its name and its end. */
  attributes: string;
  /** The text up to the next tag. */
  text: string;
}

/** A tag longer than this is passed over: what is read for one tag stays small on a hostile page. */
const TAG_CHARACTERS = 64 << 10;

/** The opening tags of a name (lower case), in order. Each character is looked at a few times at most. */
export function* tagsOf(page: string, name: string): Generator<HtmlTag> {
  for (let at = page.indexOf('<'); at >= 0; at = page.indexOf('<', at)) {
    const start = at + 1 + name.length;
    const isTag =
      page.slice(at + 1, start).toLowerCase() === name && /^[\s/>]/.test(page[start] ?? '');
    if (!isTag) {
      at++;
      continue;
    }
    const within = page.slice(start, start + TAG_CHARACTERS);
    const lengthCharacters = endOf(within);
    if (lengthCharacters < 0) {
      at = start + within.length;
      continue;
    }
    const end = start + lengthCharacters + 1;
    const next = page.indexOf('<', end);
    at = next < 0 ? page.length : next;
    yield { attributes: within.slice(0, lengthCharacters), text: page.slice(end, at) };
  }
}

/** Where a tag ends: at the first `>` outside quotes, at the first at all where a quote stays open; -1 without one. */
function endOf(within: string): number {
  const mark = /[>"']/g;
  for (let match = mark.exec(within); match !== null; match = mark.exec(within)) {
    if (match[0] === '>') return match.index;
    const close = within.indexOf(match[0], mark.lastIndex);
    if (close < 0) return within.indexOf('>');
    mark.lastIndex = close + 1;
  }
  return -1;
}
