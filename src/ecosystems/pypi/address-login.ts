import type { Requirement } from './requirement.js';

/** An address without user and password, and as it was where it had some. */
export function withoutLogin(text: string): { address: string; login: string | undefined } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.username === '' && url.password === '')) {
    return { address: text, login: undefined };
  }
  url.username = '';
  url.password = '';
  return { address: url.href, login: text };
}

/** A requirement by address without user and password, which go to `logins`: its text is signed and shown. */
export function requirementWithoutLogin(requirement: Requirement, logins: string[]): Requirement {
  if (requirement.url === undefined) return requirement;
  const { address, login } = withoutLogin(requirement.url);
  if (login === undefined) return requirement;
  logins.push(login);
  return {
    ...requirement,
    url: address,
    text: requirement.text.replace(requirement.url, () => address),
  };
}

/** Whether a line, its variables not filled in, holds a password, or a user alone, that is no variable. */
export function holdsSecret(written: string): boolean {
  return [...written.matchAll(/:\/\/([^/?#\s]*)@/g)].some(([, userInfo = '']) => {
    const colon = userInfo.indexOf(':');
    const secret = colon < 0 ? userInfo : userInfo.slice(colon + 1);
    return secret.replaceAll(/\$\{[A-Z0-9_]+\}/g, '') !== '';
  });
}
