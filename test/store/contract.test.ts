import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { localDirectFiles } from '../../src/archive/direct-file.js';
import { catalogContract } from '../contract/catalog.js';
import { readableBlobsContract } from '../contract/readable-blobs.js';
import { storeContract } from '../contract/store.js';
import { markedWorld } from './marked-world.js';
import { temporaryStore } from './temporary.js';

for (const [name, direct] of [
  ['disk store', undefined],
  ['disk store, past the page cache', localDirectFiles()],
] as const) {
  storeContract(name, async () => {
    const temporary = await temporaryStore({ direct });
    return {
      store: temporary.current.store,
      reopen: async () => (await temporary.reopen()).store,
      dispose: () => temporary.dispose(),
    };
  });
}

catalogContract('SQLite catalog', async () => {
  const temporary = await temporaryStore();
  return {
    catalog: temporary.current.catalog,
    reopen: async () => (await temporary.reopen()).catalog,
    dispose: () => temporary.dispose(),
  };
});

readableBlobsContract('disk store', async () => {
  const temporary = await temporaryStore();
  const { store } = temporary.current;
  return {
    blobs: store,
    add: async (bytes) => {
      const whole = [bytes];
      await store.put(
        (async function* () {
          yield* whole;
          await Promise.resolve();
        })(),
        { maxBytes: 1 << 30 },
      );
    },
    damage: (sha256, at) => flip(join(temporary.folder, 'blobs', sha256.slice(0, 2), sha256), at),
    dispose: () => temporary.dispose(),
  };
});

readableBlobsContract('marked files', async () => {
  const world = await markedWorld();
  return {
    blobs: world.marked,
    add: async (bytes) => void (await world.add(bytes)),
    damage: (sha256, at) => flip(world.pathOf(sha256), at),
    dispose: () => world.dispose(),
  };
});

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte.writeUInt8(byte.readUInt8() ^ 1);
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}
