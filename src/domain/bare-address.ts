/** An address without a login in it, as plans and messages name it; what is no URL stays as it is. */
export function bareAddress(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
