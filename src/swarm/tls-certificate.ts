import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
// It loads what the next one needs to be there first.
import { encodeSignatureData } from '@libp2p/tls/utils';
import { Extension, X509CertificateGenerator } from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** libp2p's TLS specification, "libp2p Public Key Extension". */
const HOST_KEY = '1.3.6.1.4.1.53594.1.1';
/** Who it is follows from the signature in it, and no date does: clocks of isolated machines are often years off. */
const FROM = new Date(0);
/** RFC 5280 section 4.1.2.5: no date of its own. */
const UNTIL = new Date('9999-12-31T23:59:59Z');

/**
 * A certificate that says, signed by its Ed25519 key, which host this is. libp2p's own makes one that
 * is good from an hour ago on, which a machine whose clock is behind would refuse.
 * @returns PEM of both.
 */
export async function tlsCertificate(host: PrivateKey): Promise<{ cert: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const publicKey = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  const signature = await host.sign(encodeSignatureData(publicKey));
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // A positive number (RFC 5280 section 4.1.2.2).
      serialNumber: `01${randomBytes(15).toString('hex')}`,
      notBefore: FROM,
      notAfter: UNTIL,
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new Extension(HOST_KEY, true, signedKey(publicKeyToProtobuf(host.publicKey), signature)),
      ],
    },
    webcrypto,
  );
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { cert: certificate.toString('pem'), key: key.toString() };
}

/** SignedKey ::= SEQUENCE { publicKey OCTET STRING, signature OCTET STRING }, in DER. */
function signedKey(publicKey: Uint8Array, signature: Uint8Array): Uint8Array {
  return der(0x30, Buffer.concat([der(0x04, publicKey), der(0x04, signature)]));
}

/** An Ed25519 key and its signature: no length takes more than a byte. */
function der(tag: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}
