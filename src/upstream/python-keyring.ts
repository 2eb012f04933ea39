/** One login of a keyring file. */
export interface KeyringEntry {
  /** What it is for: an index address, or a host with its port. */
  service: string;
  login: string;
  password: string;
}

/** Longer files are no keyring that anybody made by hand. */
const MAX_CHARACTERS = 4 << 20;

/**
 * Parses the plain text keyring of Python's keyring (`keyring_pass.cfg`): a section for each service, a
 * line for each login with its password in base64; signs in names are written `_2E`. What is not
 * understood is passed over.
 * @see https://github.com/jaraco/keyrings.alt
 */
export function parseKeyring(text: string): KeyringEntry[] {
  const entries: KeyringEntry[] = [];
  let service: string | undefined;
  let open: { login: string; base64: string } | undefined;
  const close = (): void => {
    if (service !== undefined && open !== undefined) {
      const password = Buffer.from(open.base64, 'base64').toString('utf8');
      entries.push({ service, login: open.login, password });
    }
    open = undefined;
  };
  for (const line of text.slice(0, MAX_CHARACTERS).split(/\r?\n/)) {
    const section = /^\[([^\]]+)\]\s*$/.exec(line)?.[1];
    const pair = /^([A-Za-z0-9_]+)\s*[=:]\s*(.*)$/.exec(line);
    if (section !== undefined) {
      close();
      service = unescaped(section);
    } else if (/^\s+\S/.test(line) && open !== undefined) open.base64 += line.trim();
    else if (pair !== null) {
      close();
      open = { login: unescaped(pair[1] ?? ''), base64: pair[2] ?? '' };
    }
  }
  close();
  return entries;
}

function unescaped(text: string): string {
  const percent = text.replace(/_([0-9A-Fa-f]{2})/g, '%$1');
  try {
    return decodeURIComponent(percent);
  } catch (thrown) {
    if (thrown instanceof URIError) return text;
    throw thrown;
  }
}

/**
 * The login for an address: that of the longest address that it begins with, or that the index does
 * that it belongs to; else that of its host.
 */
export function lookUpKeyring(
  entries: readonly KeyringEntry[],
  address: string,
  { login, index }: { login?: string; index?: string | undefined } = {},
): KeyringEntry | undefined {
  if (!URL.canParse(address)) return undefined;
  const { host, hostname } = new URL(address);
  const own = entries.filter((entry) => login === undefined || entry.login === login.toLowerCase());
  const around = (inner: string): KeyringEntry | undefined =>
    own
      .filter(({ service }) => isWithin(inner, service))
      .sort((a, b) => b.service.length - a.service.length)[0];
  return (
    around(address) ??
    (index === undefined ? undefined : around(index)) ??
    own.find(({ service }) => service === host) ??
    own.find(({ service }) => service === hostname)
  );
}

/** Whether an address lies below another: whole path segments, so that `…/simple` is not `…/simple-other`. */
export function isWithin(address: string, service: string): boolean {
  if (!/^https?:\/\//i.test(service) || !URL.canParse(service)) return false;
  const [outer, inner] = [new URL(service), new URL(address)];
  const path = outer.pathname.replace(/\/+$/, '');
  return (
    outer.origin === inner.origin &&
    (inner.pathname === path || inner.pathname.startsWith(`${path}/`))
  );
}
