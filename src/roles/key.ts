import type { Settings } from '../config/settings.js';
import { rotateKeys } from '../operations/rotate-keys.js';
import { systemClock } from '../platform/clock.js';
import { acquireLock } from '../platform/lock.js';
import { openData } from './open-data.js';
import { newSecret } from './key-secret.js';
import {
  hasSealedKeys,
  openIdentity,
  openNextSigner,
  openSigner,
  promoteNextSigner,
  rewriteKeys,
} from './open-keys.js';
import type { Printer } from './printer.js';

export interface KeyInput {
  settings: Settings & { folder: string };
  printer: Printer;
}

/** `x key`: this machine's DID, its key made where there is none yet. */
export async function runKey({ settings, printer }: KeyInput): Promise<void> {
  const { did } = await openIdentity(settings.folder);
  const signer = await openSigner(settings.folder);
  if (signer.did === did) printer.document({ did }, [did]);
  else printer.document({ did, signer: signer.did }, [did, `bundles are signed by ${signer.did}`]);
}

/** `x key rotate`: a new key holds every bundle's roles. */
export async function runKeyRotation({ settings, printer }: KeyInput): Promise<void> {
  const { folder } = settings;
  const lock = await acquireLock(folder, 'key');
  try {
    const data = await openData(folder, (message) => printer.report({ event: 'warning', message }));
    try {
      const identity = await openIdentity(folder);
      const from = await openSigner(folder);
      const to = await openNextSigner(folder);
      const deps = { catalog: data.catalog, clock: systemClock, identity, from, to };
      const bundles = rotateKeys(deps);
      await promoteNextSigner(folder);
      const rotated = bundles.map(({ name, version }) => ({ name, version }));
      printer.document({ did: identity.did, from: from.did, to: to.did, bundles: rotated }, [
        `bundles are signed by ${to.did} from now on; before it was ${from.did}`,
        ...rotated.map(({ name, version }) => `  ${name}, version ${version}`),
        'Serve or export them, so that clients learn of it; until then they take what the old key signs.',
      ]);
    } finally {
      await data.close();
    }
  } finally {
    lock.release();
  }
}

/** `x key encrypt`, `x key decrypt`. */
export async function runKeySealing({
  settings,
  printer,
  seal,
}: KeyInput & { seal: boolean }): Promise<void> {
  const lock = await acquireLock(settings.folder, 'key');
  try {
    if (!seal && !(await hasSealedKeys(settings.folder))) {
      printer.document({ files: [], encrypted: false }, ['the keys are not encrypted']);
      return;
    }
    const secret = seal ? await newSecret() : undefined;
    const files = await rewriteKeys(settings.folder, secret);
    const how = seal ? 'encrypted' : 'no longer encrypted';
    printer.document(
      { files, encrypted: seal },
      files.map((file) => `${how}: ${file}`),
    );
  } finally {
    lock.release();
  }
}
