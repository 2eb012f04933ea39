import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import {
  applyRoot,
  isInForce,
  listRoots,
  proposeRoots,
  type RootWish,
} from '../../src/operations/change-root.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { importBundle } from '../../src/operations/import-bundle.js';
import { rotateKeys } from '../../src/operations/rotate-keys.js';
import { lackingSignatures, signRoot } from '../../src/trust/root-change.js';
import { formatRootRequest, parseRootRequest } from '../../src/trust/root-request.js';
import { identity } from '../trust/sample.js';
import { Machine } from './world.js';

const [safe, vault, thief, heir] = ['safe', 'vault', 'thief', 'heir'].map(identity);
assert.ok(safe && vault && thief && heir);
const nothing: RootWish = {
  bundle: undefined,
  add: [],
  remove: [],
  threshold: undefined,
  online: undefined,
};

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'done';
  } catch (error) {
    assert.ok(error instanceof XError, String(error));
    return error.code;
  }
};

async function start(t: TestContext, name: string): Promise<Machine> {
  const machine = await Machine.start(name);
  t.after(() => machine.end());
  return machine;
}

test('a root that two of three sign: nobody changes it alone, and clients follow what they signed', async (t) => {
  const source = await start(t, 'source');
  const client = await start(t, 'client');
  const { catalog, clock, identity: own } = source;
  const deps = { catalog, clock, identity: own, signers: [own] };
  let turn = 0;
  const deliver = async (): Promise<number> => {
    const to = join(source.dir, `out-${(turn += 1)}`);
    await exportBundle(source, { bundle: 'demo', to });
    const taken = await importBundle(client, { paths: [to], trust: { did: own.did } });
    return taken.bundles[0]!.record.version;
  };
  await source.publish({ one: 1000 });
  assert.equal(await deliver(), 1);

  const wish = { ...nothing, add: [safe.did, vault.did], threshold: 2 };
  const [asked] = proposeRoots(deps, wish);
  assert.ok(asked);
  assert.deepEqual(asked.signedBy, [own.did]);
  assert.equal(lackingSignatures(asked), 1);
  assert.equal(
    codeOf(() => applyRoot(deps, asked.bytes)),
    'SIGNATURE_INVALID',
  );
  const byThief = signRoot(asked.bytes, thief);
  assert.equal(
    codeOf(() => applyRoot(deps, byThief)),
    'SIGNATURE_INVALID',
  );
  const twice = signRoot(signRoot(asked.bytes, own), own);
  assert.equal(
    codeOf(() => applyRoot(deps, twice)),
    'SIGNATURE_INVALID',
  );

  // Carried as a file, signed elsewhere, carried back.
  const carried = parseRootRequest(formatRootRequest([asked]), 'root.json');
  const signed = { ...asked, bytes: signRoot(carried[0]!.bytes, safe) };
  assert.equal(isInForce(deps, signed), false);
  applyRoot(deps, signed.bytes);
  assert.equal(isInForce(deps, signed), true);
  assert.equal(isInForce(deps, { ...signed, bytes: signRoot(asked.bytes, vault) }), false);
  assert.equal(
    codeOf(() => applyRoot(deps, signRoot(asked.bytes, safe))),
    'ROLLBACK',
  );
  assert.equal(listRoots(deps, 'demo')[0]!.role.threshold, 2);
  assert.equal(await deliver(), 2);

  // Day by day the source signs alone, and the root stays.
  await source.publish({ one: 1000, two: 10 });
  assert.equal(await deliver(), 3);

  // A rotation of the signing key, and the source's own key out of the root: the other two sign.
  assert.equal(
    codeOf(() => rotateKeys({ ...deps, from: own, to: heir })),
    'USAGE',
  );
  const signers = [own, heir];
  const [leaving] = proposeRoots(
    { ...deps, signers },
    {
      ...nothing,
      remove: [own.did],
      online: heir.did,
    },
  );
  assert.ok(leaving);
  assert.equal(lackingSignatures(leaving), 2);
  const both = signRoot(signRoot(leaving.bytes, vault), safe);
  applyRoot({ ...deps, signers }, both);
  assert.equal(await deliver(), 4);
  await assert.rejects(source.publish({ three: 10 }), /does not hold its roles/);

  // From now on the source's own key signs no root: one that it makes up is refused by clients.
  const [forged] = proposeRoots({ ...deps, signers }, { ...nothing, add: [own.did], threshold: 1 });
  assert.ok(forged);
  assert.equal(lackingSignatures(forged), 2);
  assert.equal(
    codeOf(() => applyRoot({ ...deps, signers }, forged.bytes)),
    'SIGNATURE_INVALID',
  );
});

test('a threshold that nobody could meet, a key that holds nothing, and files that are none', async (t) => {
  const source = await start(t, 'source');
  const { catalog, clock, identity: own } = source;
  const deps = { catalog, clock, identity: own, signers: [own] };
  assert.deepEqual(proposeRoots(deps, nothing), []);
  await source.publish({ one: 10 });
  const propose = (wish: Partial<RootWish>) =>
    codeOf(() => proposeRoots(deps, { ...nothing, ...wish }));
  assert.equal(propose({ threshold: 2 }), 'USAGE');
  assert.equal(propose({ remove: [own.did] }), 'USAGE');
  assert.equal(propose({ remove: [safe.did] }), 'USAGE');
  assert.equal(propose({ bundle: 'other' }), 'BUNDLE_NOT_FOUND');
  const good = formatRootRequest(proposeRoots(deps, { ...nothing, add: [safe.did] }));
  for (const text of [
    '',
    '{}',
    'null',
    good.replace('"format": 1', '"format": 2'),
    '{"type":"x-root-request","format":1,"roots":[null]}',
  ]) {
    assert.equal(
      codeOf(() => parseRootRequest(text, 'a')),
      'INPUT_MALFORMED',
    );
  }
  assert.equal(parseRootRequest(good, 'a').length, 1);
});
