// A gateway over a data folder, with nobody to ask: `node gateway-child.js FOLDER PORT`.
import { createServers } from '../../src/roles/ecosystem-servers.js';
import { createHeldView, nobodyToAsk } from '../../src/roles/held-view.js';
import { openData } from '../../src/roles/open-data.js';
import { startGateway } from '../../src/roles/start-gateway.js';

const [folder = '', port = ''] = process.argv.slice(2);
const data = await openData(folder);
await startGateway({
  host: '127.0.0.1',
  port: Number(port),
  data,
  servers: createServers(),
  want: nobodyToAsk,
});
process.stdout.write(`${createHeldView(data.catalog, data.store, nobodyToAsk).bundles().length}\n`);
