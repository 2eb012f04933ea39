import {
  Signature,
  type Metadata,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import type { Identity } from './identity.js';
import { tufKeyId } from './tuf-key.js';

/** Signs metadata with every signer and gives the file's bytes: the same for the same input. */
export function encodeSigned(
  metadata: Metadata<Root | Timestamp | Snapshot | Targets>,
  signers: readonly Identity[],
): Uint8Array {
  for (const signer of signers) {
    const keyID = tufKeyId(signer.publicKey);
    metadata.sign((bytes) => {
      return new Signature({ keyID, sig: Buffer.from(signer.sign(bytes)).toString('hex') });
    });
  }
  return Buffer.from(JSON.stringify(metadata.toJSON()));
}
