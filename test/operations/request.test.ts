import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import { parseTarget } from '../../src/domain/target.js';
import { exportBundle, type ExportResult } from '../../src/operations/export-bundle.js';
import { findRecipient, type Recipient } from '../../src/operations/find-recipient.js';
import { importBundle, type ImportResult } from '../../src/operations/import-bundle.js';
import { makeRequest } from '../../src/operations/make-request.js';
import { parseVolumeName } from '../../src/operations/volume-layout.js';
import { seededRandom } from '../trust/sample.js';
import { Machine, TARGET } from './world.js';

let source: Machine;
let ship: Machine;
beforeEach(async () => {
  source = await Machine.start('source');
  ship = await Machine.start('ship');
});
afterEach(async () => {
  await source.end();
  await ship.end();
});

const SIZES = { one: 300_000, two: 90_000, three: 10 };
const hasCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof XError && error.code === code;
const take = (path: string): Promise<ImportResult> =>
  importBundle(ship, { paths: [path], trust: { did: source.identity.did } });

/** A request of the ship as a source reads it. */
async function answer(trust: { did?: string } = { did: ship.identity.did }): Promise<Recipient> {
  const deps = { ...ship, store: ship.store, catalog: ship.catalog, random: seededRandom('salt') };
  const { bytes } = makeRequest(deps, { target: parseTarget(TARGET), sections: {} });
  const found = await findRecipient(
    { ...source, exportLog: source.exportLog, readRequestFile: () => Promise.resolve(bytes) },
    { who: 'me.xreq', trust, resend: false },
  );
  return found.recipient;
}

async function named(who: string, resend = false): Promise<Recipient> {
  const readRequestFile = (): Promise<never> => Promise.reject(new Error('no file is read'));
  const found = await findRecipient(
    { ...source, exportLog: source.exportLog, readRequestFile },
    { who, trust: {}, resend },
  );
  return found.recipient;
}

const out = (name: string): string => join(source.dir, name);
let exports = 0;
const give = (recipient: Recipient | undefined, to = out(`out-${(exports += 1)}`)) =>
  exportBundle(source, { bundle: 'demo', to, recipient });

async function carried({ volumes }: ExportResult): Promise<number> {
  let count = 0;
  for (const { path } of volumes) {
    const volume = await source.reader.open(path);
    count += [...volume.entries.keys()].filter(
      (name) => parseVolumeName(name).kind === 'blob',
    ).length;
    await volume.close();
  }
  return count;
}

test('an export for a request carries what is missing there, and nothing else', async () => {
  await source.publish(SIZES);
  const first = await give(await answer());
  assert.equal(first.leftOut.files, 0);
  assert.equal((await take(first.volumes[0]!.path)).bundles[0]!.missing.length, 0);

  await source.publish({ ...SIZES, four: 5_000 });
  const second = await give(await answer());
  assert.equal(await carried(second), 2, 'the new file and its proof');
  assert.equal(second.leftOut.files, 6);
  const taken = await take(second.volumes[0]!.path);
  assert.deepEqual(taken.bundles[0]!.missing, []);
  assert.equal(taken.bundles[0]!.record.version, 2);
});

test('lost, shuffled and repeated, deltas come to the same end', async () => {
  await source.publish(SIZES);
  const lost = await give(await answer());
  await source.publish({ ...SIZES, four: 5_000 });
  const older = await give(await answer());
  assert.equal(await carried(older), 8, 'nothing arrived, so everything is carried again');
  await source.publish({ ...SIZES, four: 5_000, five: 6_000 });
  const newer = await give(await answer());
  for (const { volumes } of [newer, older, newer, older]) await take(volumes[0]!.path);
  const { bundles } = await take(lost.volumes[0]!.path);
  assert.equal(bundles[0]!.record.version, 3);
  assert.deepEqual(bundles[0]!.missing, []);
});

test('what was exported under a name is not carried again, unless it is lost', async () => {
  await source.publish(SIZES);
  assert.equal(await carried(await give(await named('ship-7'))), 6);
  assert.equal(await carried(await give(await named('ship-7'))), 0);
  assert.equal(await carried(await give(await named('ship-8'))), 6);
  await source.publish({ ...SIZES, four: 5_000 });
  assert.equal(await carried(await give(await named('ship-7'))), 2);
  assert.equal(await carried(await give(await named('ship-7', true))), 8);
  assert.equal(await carried(await give(await named('ship-7'))), 0);
  assert.deepEqual(
    source.exportLog.recipients().map(({ name, files }) => ({ name, files })),
    [
      { name: 'ship-7', files: 8 },
      { name: 'ship-8', files: 6 },
    ],
  );
});

test('two exports for one machine onto one stick do not overwrite each other', async () => {
  await source.publish(SIZES);
  const first = await give(await named('ship-7'), out('stick'));
  const bytes = await readFile(first.volumes[0]!.path);
  const second = await give(await named('ship-7'), out('stick'));
  assert.notEqual(second.volumes[0]!.path, first.volumes[0]!.path);
  assert.deepEqual(await readFile(first.volumes[0]!.path), bytes);
  const taken = await take(out('stick'));
  assert.deepEqual(taken.bundles[0]!.missing, []);
});

test('what is held apart from any bundle is not carried either', async () => {
  const { sha256 } = await ship.fetched('one', 300_000);
  await source.publish(SIZES);
  const made = await give(await answer());
  assert.ok(source.store.stat(sha256), 'both hold it');
  assert.equal(await carried(made), 5);
  assert.deepEqual((await take(made.volumes[0]!.path)).bundles[0]!.missing, []);
});

test('an unknown machine’s request is answered only on somebody’s word', async () => {
  await source.publish(SIZES);
  await assert.rejects(answer({}), hasCode('UNKNOWN_REQUESTER'));
  await assert.rejects(answer({ did: source.identity.did }), hasCode('UNKNOWN_REQUESTER'));
  await answer();
  await answer({});
});

test('older requests, and clocks that are wrong, are said', async () => {
  const at = async (day: string): Promise<string[]> => {
    ship.now = new Date(`${day}T10:00:00Z`);
    const deps = {
      ...ship,
      store: ship.store,
      catalog: ship.catalog,
      random: seededRandom('salt'),
    };
    const { bytes } = makeRequest(deps, { target: parseTarget(TARGET), sections: {} });
    const found = await findRecipient(
      { ...source, exportLog: source.exportLog, readRequestFile: () => Promise.resolve(bytes) },
      { who: 'me.xreq', trust: { did: ship.identity.did }, resend: false },
    );
    return found.warnings;
  };
  assert.deepEqual(await at('2026-10-31'), []);
  assert.match((await at('2026-10-30')).join(), /a newer one/);
  assert.match((await at('2025-11-01')).join(), /365 days old/);
  assert.match((await at('2027-11-01')).join(), /ahead of this machine/);
});

test('names that can be none, and a re-send of a request, are usage errors', async () => {
  await assert.rejects(named('Ship 7'), hasCode('USAGE'));
  await assert.rejects(named('me.xreq', true), hasCode('USAGE'));
});
