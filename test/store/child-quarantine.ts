import { sha256 } from '../../src/domain/digest.js';
import { openStore } from '../../src/store/open-store.js';
import { sampleBytes } from '../contract/store.js';

// Has bytes in quarantine, says so, and waits to be killed.
const [, , folder = ''] = process.argv;
const { store } = await openStore({ folder });
const bytes = sampleBytes(5_000_000, 'killed');
const quarantine = store.quarantine({ digests: { sha256: sha256(bytes) }, lengthBytes: undefined });
await quarantine.write(0, bytes.subarray(0, 4_000_000));
process.stdout.write('written\n');
setInterval(() => undefined, 1_000);
