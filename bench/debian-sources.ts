// Prints this machine's apt sources, one suite a line, with the component main.
import { parseAptSources } from '../src/ecosystems/debian/apt/sources-list.js';
import { readAptHost } from '../src/platform/apt-host.js';

for (const { uri, suite, signedBy } of parseAptSources((await readAptHost()).sources)) {
  const options = signedBy.length === 0 ? '' : `[signed-by=${signedBy.join(',')}] `;
  process.stdout.write(`deb ${options}${uri} ${suite} main\n`);
}
