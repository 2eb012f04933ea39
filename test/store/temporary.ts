import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type OpenStore, type StoreOptions } from '../../src/store/open-store.js';

/** A store in a folder of its own. */
export interface TemporaryStore {
  folder: string;
  current: OpenStore;
  /** Closes it, and opens it again as the next process would. */
  reopen(options?: Partial<StoreOptions>): Promise<OpenStore>;
  dispose(): Promise<void>;
}

export async function temporaryStore(options: Partial<StoreOptions> = {}): Promise<TemporaryStore> {
  const folder = await mkdtemp(join(tmpdir(), 'x-store-'));
  const temporary: TemporaryStore = {
    folder,
    current: await openStore({ folder, ...options }),
    reopen: async (again = options) => {
      await temporary.current.close();
      temporary.current = await openStore({ folder, ...again });
      return temporary.current;
    },
    dispose: async () => {
      await temporary.current.close();
      await rm(folder, { recursive: true });
    },
  };
  return temporary;
}
