import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../config/settings.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import {
  fingerprintOf,
  isCertificateFor,
  makeCertificate,
  type Certificate,
} from '../platform/certificate.js';
import { dataPaths } from '../platform/paths.js';
import { readOrUndefined } from './open-data.js';

export interface GatewayTls extends Certificate {
  /** Where the certificate lies, for clients that are to trust it. */
  path: string;
  fingerprint: string;
}

/**
 * The certificate that the gateway shows: a given one, or (`--tls` alone) one that this machine made.
 * Undefined where TLS was not asked for.
 * @throws XError USAGE, INPUT_NOT_FOUND, INPUT_MALFORMED.
 */
export async function gatewayTls(
  settings: Settings & { folder: string },
  now: Date,
): Promise<GatewayTls | undefined> {
  const { tls, tlsCertificate, tlsKey } = settings;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined)) {
    throw new XError('USAGE', 'a certificate and its key are given together', {
      hint: 'Use --tls-certificate FILE and --tls-key FILE, or --tls alone for a certificate of its own.',
    });
  }
  if (tlsCertificate !== undefined && tlsKey !== undefined) return given(tlsCertificate, tlsKey);
  return tls ? own(settings, now) : undefined;
}

async function given(certificatePath: string, keyPath: string): Promise<GatewayTls> {
  const certificate = await readGiven(certificatePath);
  const key = await readGiven(keyPath);
  try {
    isCertificateFor({ certificate, key }, [], new Date(0));
    return { certificate, key, path: certificatePath, fingerprint: fingerprintOf(certificate) };
  } catch (error) {
    const files = `${certificatePath} and ${keyPath}`;
    throw new XError(
      'INPUT_MALFORMED',
      `${files} are no certificate and key: ${messageOf(error)}`,
      {
        hint: 'Both are PEM files, the key without a passphrase.',
        cause: error,
      },
    );
  }
}

async function readGiven(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = systemCodeOf(error) === 'ENOENT' ? 'INPUT_NOT_FOUND' : 'INPUT_UNREADABLE';
    throw new XError(code, `${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Made on first use; anew where it ends soon or this machine has got other addresses. */
async function own(settings: Settings & { folder: string }, now: Date): Promise<GatewayTls> {
  const { keys } = dataPaths(settings.folder);
  const path = join(keys, 'gateway.crt');
  const keyPath = join(keys, 'gateway.key');
  const names = [...new Set([...settings.names, hostname(), 'localhost', ...addresses()])];
  const key = await readOrUndefined(keyPath);
  const certificate = await readOrUndefined(path);
  if (key !== undefined && certificate !== undefined) {
    const known = { key, certificate };
    if (isCertificateFor(known, names, now)) {
      return { ...known, path, fingerprint: fingerprintOf(certificate) };
    }
  }
  const made = await makeCertificate(names, now);
  await mkdir(keys, { recursive: true, mode: 0o700 });
  await writeFile(keyPath, made.key, { mode: 0o600 });
  await writeFile(path, made.certificate, { mode: 0o644 });
  return { ...made, path, fingerprint: fingerprintOf(made.certificate) };
}

function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address);
}
