import { X509Certificate } from 'node:crypto';
import type { Signer } from '@sigstore/verify';
import type { Anchors } from './trusted-root.js';

/** GitHub's identity provider, as certificates name it. */
export const GITHUB = 'https://token.actions.githubusercontent.com';

/** Whom sigstore's certificate authority saw. @see https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
export interface Identity {
  issuer: string;
  /** The workflow's address, or an e-mail address. */
  subject: string;
  /** `https://github.com/owner/name`. */
  repository: string | undefined;
  /** `https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v1`. */
  workflow: string | undefined;
  /** The commit that was built, in hex. */
  commit: string | undefined;
}

const SOURCE_REPOSITORY = '1.3.6.1.4.1.57264.1.12';
const SOURCE_DIGEST = '1.3.6.1.4.1.57264.1.13';
const BUILD_CONFIGURATION = '1.3.6.1.4.1.57264.1.18';
/** Certificates of before the middle of 2023 have GitHub's commit and repository as bare text. */
const GITHUB_SHA = '1.3.6.1.4.1.57264.1.3';
const GITHUB_REPOSITORY = '1.3.6.1.4.1.57264.1.5';

export function identityOf({ identity }: Signer): Identity {
  const value = (wanted: string): Buffer | undefined =>
    identity?.oids?.find(({ oid }) => oid?.id.join('.') === wanted)?.value;
  const issuer = identity?.extensions?.issuer ?? '';
  const subject = identity?.subjectAlternativeName ?? '';
  const name = value(GITHUB_REPOSITORY)?.toString('utf8');
  const old = issuer !== GITHUB || name === undefined ? undefined : `https://github.com/${name}`;
  return {
    issuer,
    subject,
    repository: utf8String(value(SOURCE_REPOSITORY)) ?? old,
    workflow: utf8String(value(BUILD_CONFIGURATION)) ?? (old === undefined ? undefined : subject),
    commit: utf8String(value(SOURCE_DIGEST)) ?? value(GITHUB_SHA)?.toString('utf8'),
  };
}

/** A DER UTF8String, of a length in one or two bytes. */
function utf8String(der: Buffer | undefined): string | undefined {
  if (der === undefined) return undefined;
  const [tag, length = 0] = der;
  if (tag !== 0x0c) return undefined;
  return der.toString('utf8', length < 0x80 ? 2 : 2 + (length & 0x7f));
}

/** `github.com/owner/name, .github/workflows/release.yml at refs/tags/v1`. */
export function describe({ issuer, subject, repository, workflow }: Identity): string {
  const within = workflow ?? subject;
  if (repository === undefined) return `${subject} (as ${issuer} says)`;
  const [, path = within, ref] = /^(.*?)(?:@(.*))?$/s.exec(within) ?? [];
  const at = ref === undefined ? '' : ` at ${ref}`;
  const short = path.startsWith(`${repository}/`) ? path.slice(repository.length + 1) : path;
  return `${repository.replace(/^https:\/\//, '')}, ${short}${at}`;
}

/**
 * What this machine would need to know to judge at all.
 * @param certificate DER, base64.
 * @param logEntries as sigstore serialises them.
 */
export function unknownAnchor(
  certificate: string,
  logEntries: readonly unknown[],
  anchors: Anchors,
): string | undefined {
  let issuer: string;
  try {
    ({ issuer } = new X509Certificate(Buffer.from(certificate, 'base64')));
  } catch {
    // Unreadable is broken, not unknown: the verifier says how.
    return undefined;
  }
  if (!anchors.authorities.has(issuer)) {
    return `its certificate is by an authority that this machine does not know (${issuer.replaceAll('\n', ', ')})`;
  }
  const logs = logEntries.map((entry) => {
    const { logId } = (entry ?? {}) as { logId?: { keyId?: unknown } };
    return logId?.keyId;
  });
  const strange = logs.find((log) => typeof log === 'string' && !anchors.logs.has(log));
  return strange === undefined
    ? undefined
    : `it is logged where this machine knows no key (${String(strange)})`;
}
