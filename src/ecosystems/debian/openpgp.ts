import * as openpgp from 'openpgp';
import { XError, messageOf } from '../../domain/errors.js';

/** Public keys that may sign a repository, and where they come from. */
export interface Keyring {
  /** A path or `Signed-By of …`, for messages. */
  label: string;
  keys: openpgp.Key[];
  /** Only these may sign, where given: upper-case hex. */
  fingerprints?: string[] | undefined;
}

/**
 * Reads public keys, binary or armored.
 * @throws XError SIGNATURE_INVALID where there are none.
 */
export async function readKeyring(bytes: Uint8Array, label: string): Promise<Keyring> {
  try {
    const armoredKeys = Buffer.from(bytes).toString('latin1');
    const keys = armoredKeys.includes('-----BEGIN PGP')
      ? await readArmored(armoredKeys)
      : await openpgp.readKeys({ binaryKeys: Uint8Array.from(bytes) });
    return { label, keys };
  } catch (error) {
    throw new XError('SIGNATURE_INVALID', `${label}: not a keyring (${messageOf(error)})`, {
      hint: 'Name a keyring file as apt reads it: OpenPGP public keys, binary or armored.',
      cause: error,
    });
  }
}

/** A file may hold several armored blocks one after the other. */
async function readArmored(text: string): Promise<openpgp.Key[]> {
  const blocks = text.match(/-----BEGIN PGP[^]*?-----END PGP[^\n]*-----/g) ?? [];
  const keys = await Promise.all(blocks.map((armoredKeys) => openpgp.readKeys({ armoredKeys })));
  return keys.flat();
}

export interface VerifiedText {
  text: string;
  /** Upper-case hex of the primary key whose signature holds. */
  fingerprint: string;
  /** The label of the keyring that has it. */
  keyring: string;
}

/**
 * The signed text of an InRelease file.
 * @param date signatures must have been made before it.
 * @throws XError SIGNATURE_INVALID naming the key ids where no key of a keyring made a valid signature.
 */
export async function verifyClearsigned(
  bytes: Uint8Array,
  keyrings: readonly Keyring[],
  date: Date,
  where: string,
): Promise<VerifiedText> {
  try {
    const cleartextMessage = Buffer.from(bytes).toString('utf8');
    const message = await openpgp.readCleartextMessage({ cleartextMessage });
    const verificationKeys = keyrings.flatMap((keyring) => keyring.keys);
    const { signatures } = await openpgp.verify({ message, verificationKeys, date });
    const signer = await firstValid(signatures, keyrings, where);
    return { text: message.getText(), ...signer };
  } catch (error) {
    throw signatureError(error, where);
  }
}

/** As verifyClearsigned, for a Release file with its Release.gpg. */
export async function verifyDetached(
  bytes: Uint8Array,
  signatureBytes: Uint8Array,
  keyrings: readonly Keyring[],
  date: Date,
  where: string,
): Promise<VerifiedText> {
  try {
    const text = Buffer.from(signatureBytes).toString('latin1');
    const signature = text.includes('-----BEGIN PGP')
      ? await openpgp.readSignature({ armoredSignature: text })
      : await openpgp.readSignature({ binarySignature: Uint8Array.from(signatureBytes) });
    const message = await openpgp.createMessage({ binary: Uint8Array.from(bytes) });
    const verificationKeys = keyrings.flatMap((keyring) => keyring.keys);
    const { signatures } = await openpgp.verify({ message, signature, verificationKeys, date });
    const signer = await firstValid(signatures, keyrings, where);
    return { text: Buffer.from(bytes).toString('utf8'), ...signer };
  } catch (error) {
    throw signatureError(error, where);
  }
}

function signatureError(error: unknown, where: string): XError {
  if (error instanceof XError) return error;
  return new XError('SIGNATURE_INVALID', `${where}: no valid signature (${messageOf(error)})`, {
    cause: error,
  });
}

async function firstValid(
  signatures: { keyID: openpgp.KeyID; verified: Promise<true> }[],
  keyrings: readonly Keyring[],
  where: string,
): Promise<{ fingerprint: string; keyring: string }> {
  const failures: string[] = [];
  for (const signature of signatures) {
    const keyId = signature.keyID.toHex().toUpperCase();
    try {
      await signature.verified;
      const signer = signerOf(signature.keyID, keyrings);
      if (signer !== undefined) return signer;
      failures.push(`${keyId} is not one that Signed-By allows`);
    } catch (error) {
      failures.push(`${keyId}: ${messageOf(error)}`);
    }
  }
  const labels = keyrings.map((keyring) => keyring.label).join(', ');
  throw new XError(
    'SIGNATURE_INVALID',
    `${where}: no valid signature by a key of ${labels || 'any keyring'} (${failures.join('; ') || 'it is not signed'})`,
    { hint: 'Install the keyring of this archive, or name it with --debian-keyring.' },
  );
}

function signerOf(
  keyId: openpgp.KeyID,
  keyrings: readonly Keyring[],
): { fingerprint: string; keyring: string } | undefined {
  for (const { keys, fingerprints, label } of keyrings) {
    for (const key of keys.filter((candidate) => candidate.getKeys(keyId).length > 0)) {
      const signing = key.getKeys(keyId).map((part) => part.getFingerprint().toUpperCase());
      const fingerprint = key.getFingerprint().toUpperCase();
      const isAllowed =
        fingerprints === undefined ||
        fingerprints.some((allowed) => allowed === fingerprint || signing.includes(allowed));
      if (isAllowed) return { fingerprint, keyring: label };
    }
  }
  return undefined;
}
