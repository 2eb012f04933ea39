import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { importBundle } from '../../src/operations/import-bundle.js';
import { rotateKeys } from '../../src/operations/rotate-keys.js';
import { identity } from '../trust/sample.js';
import { Machine } from './world.js';

test('clients follow a rotation, and from then on refuse what the old key signs', async () => {
  const source = await Machine.start('source');
  const client = await Machine.start('client');
  try {
    let turn = 0;
    const give = async (): Promise<string> => {
      const to = join(source.dir, `out-${(turn += 1)}`);
      await exportBundle(source, { bundle: 'demo', to });
      return to;
    };
    const take = (path: string) =>
      importBundle(client, { paths: [path], trust: { did: source.identity.did } });
    await source.publish({ one: 1000 });
    await take(await give());
    const heir = identity('heir');
    const { identity: own, catalog, clock } = source;
    const deps = { catalog, clock, identity: own, from: own, to: heir };
    assert.deepEqual(
      rotateKeys(deps).map(({ name, version }) => [name, version]),
      [['demo', 2]],
    );
    assert.deepEqual(rotateKeys(deps), [], 'done is done');
    assert.equal((await take(await give())).bundles[0]!.record.version, 2);

    // The old key goes on from where it was: the thief has its copy of the data.
    const thief = await Machine.start('source');
    try {
      await thief.publish({ one: 1000 });
      await thief.publish({ evil: 1000 });
      await thief.publish({ evil: 2000 });
      const to = join(thief.dir, 'out');
      await exportBundle(thief, { bundle: 'demo', to });
      const isRefused = (error: unknown): boolean =>
        error instanceof XError && error.code === 'SIGNATURE_INVALID';
      await assert.rejects(take(to), isRefused);

      // Under a name that never had another key its word still counts: that is said.
      await thief.publish({ evil: 3000 }, { name: 'other' });
      await exportBundle(thief, { bundle: 'other', to });
      const { warnings } = await take(join(to, 'other-v1-001.x.zip'));
      assert.match(
        warnings.join(),
        /"other" is signed with the key \S+, which .* given up for "demo"/,
      );
      assert.equal(warnings.length, 1);
    } finally {
      await thief.end();
    }
    await assert.rejects(
      source.publish({ two: 10 }),
      (error) => error instanceof XError && error.code === 'SIGNATURE_INVALID',
    );
  } finally {
    await client.end();
    await source.end();
  }
});
