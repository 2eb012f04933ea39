import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NETWORK_SCENARIOS } from '../../test/simulation/network/scenarios.js';
import { reportOf, type Report } from '../../test/simulation/network/report.js';
import { World, type WorldOptions } from '../../test/simulation/network/world.js';
import { renderPlot } from './plot.js';

/**
 * Runs scenarios of the public swarm in virtual time: `node dist/bench/network/simulate.js day month`.
 * Each prints its measures as JSON and draws its plots into docs/pictures.
 */
const pictures = fileURLToPath(new URL('../../../docs/pictures/', import.meta.url));

for (const name of process.argv.slice(2)) {
  const options = NETWORK_SCENARIOS[name];
  if (options === undefined) {
    process.stderr.write(`no scenario "${name}": ${Object.keys(NETWORK_SCENARIOS).join(', ')}\n`);
    process.exit(2);
  }
  const startedMs = performance.now();
  const world = new World(options);
  world.run();
  const seconds = (performance.now() - startedMs) / 1_000;
  const report = reportOf(world, options);
  const { slots, servedShares, lookupQuantiles, ...figures } = report;
  console.log(JSON.stringify({ name, seconds: Math.round(seconds), ...figures }, null, 1));
  draw(name, options, report);
}

function draw(
  name: string,
  { nodes, durationMs, slotMs }: WorldOptions,
  { slots, servedShares, lookupQuantiles }: Report,
): void {
  const unit = slotMs <= 3_600_000 ? 'hour' : 'day';
  const hours = durationMs / 3_600_000;
  const span = hours >= 48 ? `${hours / 24} days` : `${hours} hours`;
  const what = `${nodes.toLocaleString('en')} nodes, ${span}`;
  const percent = (value: number): string => `${Math.round(value)} %`;
  const share = (part: number, of: number): number => (of === 0 ? 0 : (100 * part) / of);
  write(
    `swarm-${name}-hits.svg`,
    renderPlot({
      title: `Fetches served by the swarm: ${what}`,
      x: { label: unit, max: slots.length },
      y: { label: 'of all fetches', max: 100, format: percent },
      series: [
        {
          name: 'somebody online had it',
          points: slots.map((slot, i) => [i + 0.5, share(slot.possible, slot.fetches)]),
        },
        {
          name: 'served by the swarm alone',
          points: slots.map((slot, i) => [i + 0.5, share(slot.fromSwarm, slot.fetches)]),
        },
      ],
    }),
  );
  write(
    `swarm-${name}-lookups.svg`,
    renderPlot({
      title: `How long until the first owner is found: ${what}`,
      x: { label: 'milliseconds', max: 3_000 },
      y: { label: 'of lookups that find one', max: 100, format: percent },
      series: [
        { name: 'lookups', points: lookupQuantiles.map(([at, ms]) => [Math.min(ms, 3_000), at]) },
      ],
    }),
  );
  write(
    `swarm-${name}-load.svg`,
    renderPlot({
      title: `Who carries the load (Lorenz curve): ${what}`,
      x: { label: '% of nodes, those that served least first', max: 100 },
      y: { label: 'of all bytes served', max: 100, format: percent },
      series: [
        { name: 'bytes served', points: servedShares },
        {
          name: 'everybody alike',
          points: [
            [0, 0],
            [100, 100],
          ],
        },
      ],
    }),
  );
}

function write(file: string, svg: string): void {
  writeFileSync(join(pictures, file), svg);
}
