import { join } from 'node:path';
import { messageOf, XError } from '../domain/errors.js';
import type { RepositorySigner } from '../ecosystems/debian/repository-key.js';
import { systemClock } from '../platform/clock.js';
import { openRepositoryKey } from './open-keys.js';

/** The key that pruned apt repositories are signed with; made on first use, it never leaves this folder. */
export async function repositorySigner(folder: string): Promise<RepositorySigner> {
  // OpenPGP takes its time to load, and a plan that is not sealed needs no key.
  const { createRepositoryKey, createRepositorySigner } =
    await import('../ecosystems/debian/repository-key.js');
  const armored = await openRepositoryKey(
    folder,
    async () => (await createRepositoryKey(systemClock.now())).privateKeyArmored,
  );
  try {
    return await createRepositorySigner(armored);
  } catch (error) {
    throw new XError(
      'STORE_DAMAGED',
      `${join(folder, 'keys', 'apt-repository.asc')} does not hold an OpenPGP private key: ${messageOf(error)}`,
      { hint: 'Restore it from a copy, or move it away to get a new one.', cause: error },
    );
  }
}
