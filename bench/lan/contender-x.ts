import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Content, Contender } from './contender.js';
import { signContent } from './x-bundle.js';

const RUN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const SOURCE = fileURLToPath(new URL('x-source.js', import.meta.url));
const STRANGER = fileURLToPath(new URL('stranger.js', import.meta.url));
const PORT = 8471;
const OF_THE_SOURCE_ALONE = new Set([
  ...['keys', 'resident.lock', 'resident.json', 'control.sock', 'writers'],
]);
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
  stranger: async (stage, host, kind) => {
    // The source's content under a key of its own: another machine.
    const own = join(stage.folder, `stranger-${host}`);
    await cp(sourceData(stage.content), own, {
      ...{ recursive: true, preserveTimestamps: true },
      filter: (path) => !OF_THE_SOURCE_ALONE.has(basename(path)),
    });
    const everybody = [0, ...stage.clients].map((one) => `${stage.lan.address(one)}:${PORT}`);
    return { command: [process.execPath, STRANGER, kind, own, ...everybody] };
  },
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
