/** Whether what names a file is an address to fetch it from, not a path of this machine. */
export function isWebAddress(place: string): boolean {
  return /^https?:\/\//i.test(place);
}

/** An address for names and messages: no login, no fragment, and no query, where signed addresses carry theirs. */
export function plainAddress(address: string): string {
  const url = new URL(address);
  return url.origin + url.pathname;
}
