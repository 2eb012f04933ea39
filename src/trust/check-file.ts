import type { Metadata, MetaFile, Root, Targets } from '@tufjs/models';
import { isDigest, sha256, type Sha256 } from '../domain/digest.js';
import { messageOf, XError } from '../domain/errors.js';
import type { SignedRole } from './parse.js';

/** A metadata file as a signed file lists it. */
export interface ListedFile {
  role: string;
  version: number;
  lengthBytes: number;
  sha256: Sha256;
}

/**
 * What a timestamp or snapshot says of another file. TUF lets length and hashes be left out; X
 * demands both, so that no unsigned byte is ever parsed below the timestamp.
 * @throws XError METADATA_INVALID.
 */
export function listedFile(lister: string, role: string, meta: MetaFile | undefined): ListedFile {
  const sha = meta?.hashes?.['sha256'];
  const isSound =
    meta !== undefined &&
    Number.isSafeInteger(meta.version) &&
    meta.length !== undefined &&
    Number.isSafeInteger(meta.length) &&
    sha !== undefined &&
    isDigest('sha256', sha);
  if (!isSound) {
    throw new XError(
      'METADATA_INVALID',
      `${lister} lists ${role} without version, length and sha256`,
    );
  }
  return { role, version: meta.version, lengthBytes: meta.length ?? 0, sha256: sha };
}

/** @throws XError METADATA_INVALID where the bytes are not those that were listed. */
export function checkListed(name: string, bytes: Uint8Array, listed: ListedFile): void {
  if (bytes.length !== listed.lengthBytes) {
    throw new XError(
      'METADATA_INVALID',
      `${name} has ${bytes.length} bytes; ${listed.lengthBytes} are listed`,
      { hint: 'It is cut short, or mixed from two versions: fetch it again.' },
    );
  }
  if (sha256(bytes) !== listed.sha256) {
    throw new XError('METADATA_INVALID', `${name} does not have the sha256 that is listed`, {
      hint: 'It is damaged, or mixed from two versions: fetch it again.',
    });
  }
}

/** @throws XError SIGNATURE_INVALID where fewer of the delegator's keys signed than it demands. */
export function checkSignature(
  delegator: Metadata<Root> | Metadata<Targets>,
  role: string,
  file: string,
  metadata: Metadata<SignedRole>,
): void {
  try {
    delegator.verifyDelegate(role, metadata);
  } catch (cause) {
    throw new XError(
      'SIGNATURE_INVALID',
      `${file} is not signed as it must be: ${messageOf(cause)}`,
      {
        hint: 'It was altered, comes from somebody else, or is of before its source gave up that key. Take it from the source itself.',
        cause,
      },
    );
  }
}
