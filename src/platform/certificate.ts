import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type * as X509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEAR_MS = 365 * 24 * 3_600_000;
const YEARS = 5;
/** A certificate that ends sooner is replaced. */
const RENEW_MS = 30 * 24 * 3_600_000;

/** PEM of both. */
export interface Certificate {
  key: string;
  certificate: string;
}

/** A certificate that this machine signs itself, for the names and addresses that others reach it by. */
export async function makeCertificate(names: readonly string[], now: Date): Promise<Certificate> {
  const x509 = await makerOfCertificates();
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [names[0] ?? 'x gateway'] }],
    notBefore: new Date(now.getTime() - 24 * 3_600_000),
    notAfter: new Date(now.getTime() + YEARS * YEAR_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      // Clients that are told to trust it take it as its own authority (RFC 5280 section 4.2.1.9).
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
    ],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { key: key.toString(), certificate: `${certificate.toString('pem')}\n` };
}

/** 9 MB that only a machine with TLS of its own needs. It wants reflect-metadata to be there first. */
async function makerOfCertificates(): Promise<typeof X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

export interface CertificateFacts {
  /** Whether the key is the certificate's: of a chain, the first one's. */
  isPair: boolean;
  from: Date;
  until: Date;
}

/** What a certificate says of itself. @throws where one of the two is not what it should be. */
export function certificateFacts({ key, certificate }: Certificate): CertificateFacts {
  const parsed = new X509Certificate(certificate);
  const isPair = parsed.checkPrivateKey(createPrivateKey(key));
  return { isPair, from: parsed.validFromDate, until: parsed.validToDate };
}

/** Whether a certificate still serves for all these names, and its key is the one given. */
export function isCertificateFor(
  { key, certificate }: Certificate,
  names: readonly string[],
  now: Date,
): boolean {
  const parsed = new X509Certificate(certificate);
  if (parsed.validToDate.getTime() - now.getTime() < RENEW_MS) return false;
  if (!parsed.checkPrivateKey(createPrivateKey(key))) return false;
  return names.every(
    (name) => (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined,
  );
}

/** SHA-256 of the certificate, as browsers and curl show it. */
export function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256;
}
