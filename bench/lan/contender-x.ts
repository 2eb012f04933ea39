import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Content, Contender } from './contender.js';
import { signContent } from './x-bundle.js';

const RUN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const SOURCE = fileURLToPath(new URL('x-source.js', import.meta.url));
const GATE = new URL('gate.js', import.meta.url).href;

const sourceData = (content: Content): string => join(content.prepared, 'x-source');

/** What `x source` serves, pulled by `x client --once` processes that find each other by themselves. */
export const xContender: Contender = {
  name: 'x',
  whyNot: () => undefined,
  needsPlain: false,
  prepare: (content) => signContent(sourceData(content), content.seed, content.files),
  source: (stage) =>
    Promise.resolve({
      command: [process.execPath, ...stage.nodeFlags(0), SOURCE, sourceData(stage.content)],
    }),
  serving: { event: 'serving' },
  client: (stage, host, gate, serving) =>
    Promise.resolve({
      manner: 'gated',
      command: [
        ...[process.execPath, ...stage.nodeFlags(host), '--import', GATE, RUN],
        ...['client', '--master', String(serving?.['invite']), '--once', '--json'],
        ...['--data', join(stage.folder, `x-${host}`)],
      ],
      env: { BENCH_GATE: gate },
    }),
};
