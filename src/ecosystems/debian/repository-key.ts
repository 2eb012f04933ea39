import * as openpgp from 'openpgp';

/** The OpenPGP key that signs pruned repositories; it never leaves the source. */
export interface RepositoryKey {
  privateKeyArmored: string;
  publicKeyArmored: string;
  /** Upper-case hex. */
  fingerprint: string;
}

/** Signs the Release files of pruned repositories. */
export interface RepositorySigner {
  publicKeyArmored: string;
  publicKeyBinary: Uint8Array;
  /** Upper-case hex. */
  fingerprint: string;
  /** When the key was made: nothing that it signs can be older. */
  createdAt: Date;
  /** The clear-signed form of a text that ends in a newline: InRelease. */
  clearsign(text: string, date: Date): Promise<string>;
  /** A detached armored signature: Release.gpg. */
  detach(text: string, date: Date): Promise<string>;
}

/** SHA-512, and no random notation in signatures: what is signed twice at one time is the same bytes. */
const CONFIG: openpgp.PartialConfig = {
  nonDeterministicSignaturesViaNotation: false,
  preferredHashAlgorithm: openpgp.enums.hash.sha512,
  showVersion: false,
  showComment: false,
};

/** Makes a new Ed25519 key in the form that apt accepts from Debian 12 on (a version 4 EdDSA key). */
export async function createRepositoryKey(
  now: Date,
  userName = 'X repository',
): Promise<RepositoryKey> {
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: userName }],
    // A machine whose clock is a little behind must not find the key in its future.
    date: new Date(now.getTime() - KEY_BACKDATING_MS),
    subkeys: [],
    format: 'object',
    config: CONFIG,
  });
  return {
    privateKeyArmored: privateKey.armor(CONFIG as openpgp.Config),
    publicKeyArmored: publicKey.armor(CONFIG as openpgp.Config),
    fingerprint: publicKey.getFingerprint().toUpperCase(),
  };
}

const KEY_BACKDATING_MS = 24 * 60 * 60 * 1000;

/** A signer over an armored private key without a passphrase. */
export async function createRepositorySigner(privateKeyArmored: string): Promise<RepositorySigner> {
  const signingKeys = await openpgp.readPrivateKey({ armoredKey: privateKeyArmored });
  const publicKey = signingKeys.toPublic();
  return {
    publicKeyArmored: publicKey.armor(),
    publicKeyBinary: publicKey.write(),
    fingerprint: publicKey.getFingerprint().toUpperCase(),
    createdAt: publicKey.getCreationTime(),
    async clearsign(text, date) {
      const message = await openpgp.createCleartextMessage({ text });
      const signed = await openpgp.sign({ message, signingKeys, date, config: CONFIG });
      return signed.replaceAll('\r\n', '\n');
    },
    async detach(text, date) {
      const message = await openpgp.createMessage({ binary: Buffer.from(text) });
      return openpgp.sign({ message, signingKeys, date, detached: true, config: CONFIG });
    },
  };
}
