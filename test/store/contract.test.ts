import { catalogContract } from '../contract/catalog.js';
import { storeContract } from '../contract/store.js';
import { temporaryStore } from './temporary.js';

storeContract('disk store', async () => {
  const temporary = await temporaryStore();
  return {
    store: temporary.current.store,
    reopen: async () => (await temporary.reopen()).store,
    dispose: () => temporary.dispose(),
  };
});

catalogContract('SQLite catalog', async () => {
  const temporary = await temporaryStore();
  return {
    catalog: temporary.current.catalog,
    reopen: async () => (await temporary.reopen()).catalog,
    dispose: () => temporary.dispose(),
  };
});
