import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toTrustMaterial, type TrustMaterial } from '@sigstore/verify';

/** sigstore's public instance as this machine knows it without asking anybody. */
export interface Anchors {
  material: TrustMaterial;
  /** Subjects of its certificate authorities, as X.509 prints them. */
  authorities: ReadonlySet<string>;
  /** Key ids of its transparency logs, base64. */
  logs: ReadonlySet<string>;
}

let known: Anchors | undefined;

/** The trusted root out of the TUF seeds that @sigstore/tuf ships; the library itself is never loaded. */
export function sigstoreAnchors(): Anchors {
  known ??= anchorsOf(readTrustedRoot());
  return known;
}

function readTrustedRoot(): unknown {
  // The package exports no file but its main one, which lies one folder below the seeds.
  const main = createRequire(import.meta.url).resolve('@sigstore/tuf');
  const seeds = JSON.parse(readFileSync(join(dirname(main), '..', 'seeds.json'), 'utf8')) as Record<
    string,
    { targets: Record<string, string> }
  >;
  const roots = Object.values(seeds).flatMap(({ targets }) => targets['trusted_root.json'] ?? []);
  return JSON.parse(Buffer.from(roots[0] ?? '', 'base64').toString('utf8'));
}

function anchorsOf(json: unknown): Anchors {
  const root = TrustedRoot.fromJSON(json);
  const certificates = root.certificateAuthorities.flatMap(
    ({ certChain }) => certChain?.certificates ?? [],
  );
  return {
    material: toTrustMaterial(root),
    authorities: new Set(certificates.map(({ rawBytes }) => new X509Certificate(rawBytes).subject)),
    logs: new Set(root.tlogs.flatMap(({ logId }) => logId?.keyId.toString('base64') ?? [])),
  };
}
