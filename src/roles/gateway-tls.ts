import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../config/settings.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import {
  certificateFacts,
  fingerprintOf,
  isCertificateFor,
  makeCertificate,
  type Certificate,
  type CertificateFacts,
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
  warn: (message: string) => void,
): Promise<GatewayTls | undefined> {
  const { tls, tlsCertificate, tlsKey } = settings;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined)) {
    throw new XError('USAGE', 'a certificate and its key are given together', {
      hint: 'Use --tls-certificate FILE and --tls-key FILE, or --tls alone for a certificate of its own.',
    });
  }
  if (tlsCertificate !== undefined && tlsKey !== undefined) {
    return given(tlsCertificate, tlsKey, now, warn);
  }
  return tls ? own(settings, now) : undefined;
}

async function given(
  certificatePath: string,
  keyPath: string,
  now: Date,
  warn: (message: string) => void,
): Promise<GatewayTls> {
  const certificate = await readGiven(certificatePath);
  const key = await readGiven(keyPath);
  const { isPair, from, until } = factsOf(certificatePath, keyPath, { certificate, key });
  if (!isPair) {
    throw new XError('INPUT_MALFORMED', `${keyPath} is not the key of ${certificatePath}`, {
      hint: 'A file with a chain begins with the certificate of this machine; those that signed it follow.',
    });
  }
  // What is held is served all the same: only the clients can say whether they take it.
  if (now > until) {
    warn(
      `${certificatePath} ended ${day(until)}: clients will refuse it; give a newer one and start again`,
    );
  } else if (now < from) {
    warn(
      `${certificatePath} begins ${day(from)}, and the clock says ${day(now)}: clients will refuse it; is the clock right?`,
    );
  }
  return { certificate, key, path: certificatePath, fingerprint: fingerprintOf(certificate) };
}

const day = (at: Date): string => at.toISOString().slice(0, 10);

function factsOf(certificatePath: string, keyPath: string, pair: Certificate): CertificateFacts {
  try {
    return certificateFacts(pair);
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
    throw new XError(code, `${path} cannot be read: ${messageOf(error)}`, {
      hint: '--tls-certificate and --tls-key name PEM files that the user who runs x may read.',
      cause: error,
    });
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
