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

/** A signed text, and whether one of its signatures holds. */
export interface CheckedText {
  text: string;
  /** Undefined where no signature holds. */
  signer: Pick<VerifiedText, 'fingerprint' | 'keyring'> | undefined;
  /** Whether the keyrings have a key that it claims to be signed by. */
  hasKey: boolean;
  /** Why each signature that was looked at does not hold. */
  failures: string[];
}

/** A Release file: with its signature inside (InRelease), or beside it (Release and Release.gpg). */
export interface SignedFile {
  bytes: Uint8Array;
  signature: Uint8Array | undefined;
}

/** As apt, nothing is taken that has more than what is signed before it, behind it or between. */
function isAllSigned(text: string): boolean {
  const message = '-----BEGIN PGP SIGNED MESSAGE-----';
  const trimmed = text.trim();
  const isOne = trimmed.split('\n').filter((line) => line.startsWith(message)).length === 1;
  return isOne && trimmed.startsWith(message) && trimmed.endsWith('-----END PGP SIGNATURE-----');
}

/**
 * Checks the signatures of a Release file.
 * @param date signatures must have been made before it.
 * @throws XError SIGNATURE_INVALID where it is no signed file at all.
 */
export async function checkSignatures(
  { bytes, signature }: SignedFile,
  keyrings: readonly Keyring[],
  date: Date,
  where: string,
): Promise<CheckedText> {
  const verificationKeys = keyrings.flatMap((keyring) => keyring.keys);
  try {
    if (signature === undefined) {
      const cleartextMessage = Buffer.from(bytes).toString('utf8');
      if (!isAllSigned(cleartextMessage)) {
        throw new Error(
          cleartextMessage.trim() === '' ? 'it is empty' : 'not all of it is within one signature',
        );
      }
      const message = await openpgp.readCleartextMessage({ cleartextMessage });
      const { signatures } = await openpgp.verify({ message, verificationKeys, date });
      return { text: message.getText(), ...(await judge(signatures, keyrings)) };
    }
    const armored = Buffer.from(signature).toString('latin1');
    const parsed = armored.includes('-----BEGIN PGP')
      ? await openpgp.readSignature({ armoredSignature: armored })
      : await openpgp.readSignature({ binarySignature: Uint8Array.from(signature) });
    const message = await openpgp.createMessage({ binary: Uint8Array.from(bytes) });
    const { signatures } = await openpgp.verify({
      message,
      signature: parsed,
      verificationKeys,
      date,
    });
    return { text: Buffer.from(bytes).toString('utf8'), ...(await judge(signatures, keyrings)) };
  } catch (error) {
    throw new XError('SIGNATURE_INVALID', `${where}: not signed properly (${messageOf(error)})`, {
      hint: 'The address may not be a Debian repository, or a proxy answers in its place.',
      cause: error,
    });
  }
}

/**
 * The text of a Release file that a key of the keyrings signed.
 * @throws XError SIGNATURE_INVALID naming the key ids where none did.
 */
export async function verifySigned(
  file: SignedFile,
  keyrings: readonly Keyring[],
  date: Date,
  where: string,
): Promise<VerifiedText> {
  const { text, signer, failures } = await checkSignatures(file, keyrings, date, where);
  if (signer !== undefined) return { text, ...signer };
  const labels = keyrings.map((keyring) => keyring.label).join(', ');
  throw new XError(
    'SIGNATURE_INVALID',
    `${where}: no valid signature by a key of ${labels || 'any keyring'} (${failures.join('; ') || 'it is not signed'})`,
    { hint: 'Install the keyring of this archive, or name it with --debian-keyring.' },
  );
}

async function judge(
  signatures: { keyID: openpgp.KeyID; verified: Promise<true> }[],
  keyrings: readonly Keyring[],
): Promise<Omit<CheckedText, 'text'>> {
  const failures: string[] = [];
  let signer: CheckedText['signer'];
  let hasKey = false;
  for (const { keyID, verified } of signatures) {
    const keyId = keyID.toHex().toUpperCase();
    hasKey ||= keyrings.some(({ keys }) => keys.some((key) => key.getKeys(keyID).length > 0));
    try {
      await verified;
      signer ??= signerOf(keyID, keyrings);
      if (signer === undefined) failures.push(`${keyId} is not one that Signed-By allows`);
    } catch (error) {
      failures.push(`${keyId}: ${messageOf(error)}`);
    }
  }
  return { signer, hasKey, failures };
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
