/** x-source.js FOLDER: serves the bundles of a data folder as `x source` does, without resolving anything before. */
import { DEFAULTS } from '../../src/config/settings.js';
import { keepFreedMemory } from '../../src/platform/freed-memory.js';
import { acquireLock } from '../../src/platform/lock.js';
import { openData } from '../../src/roles/open-data.js';
import { openIdentity } from '../../src/roles/open-keys.js';
import { createPrinter } from '../../src/roles/printer.js';
import { serveSource } from '../../src/roles/serve-source.js';
import { stopSignal } from '../../src/roles/until-stopped.js';

keepFreedMemory();
const folder = process.argv[2] ?? '';
const printer = createPrinter({
  ...{ json: true, events: true, quiet: false },
  ...{ stdout: process.stdout, stderr: process.stderr, env: process.env },
});
const lock = await acquireLock(folder, 'source');
const stop = stopSignal();
const data = await openData(folder, (message) => printer.report({ event: 'warning', message }));
try {
  await serveSource({
    settings: { ...DEFAULTS, folder },
    printer,
    data,
    identity: await openIdentity(folder),
    lock,
    signal: stop.signal,
  });
} finally {
  stop.release();
  await data.close();
  lock.release();
}
