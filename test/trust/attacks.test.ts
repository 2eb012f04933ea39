import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { checkMetadata, type CheckRequest } from '../../src/trust/check.js';
import { ATTACKS, first, now, second, source, third, type Attack } from './attack-table.js';
import { entries, reader } from './sample.js';
import { StockClient, startStaticServer, type StaticServer } from './stock-updater.js';

const filesOf = ({ files }: Attack): ReadonlyMap<string, Uint8Array> =>
  typeof files === 'function' ? files() : files;

describe('attacks on metadata are refused', () => {
  for (const attack of ATTACKS) {
    test(attack.name, async () => {
      const request: CheckRequest = {
        bundle: 'demo',
        source: source.did,
        files: reader(filesOf(attack)),
        held: attack.held,
        now: attack.at ?? now,
      };
      if (attack.code === 'older') {
        assert.equal((await checkMetadata(request)).outcome, 'older');
        return;
      }
      await assert.rejects(checkMetadata(request), (error: unknown) => {
        assert.ok(error instanceof XError, String(error));
        assert.equal(error.code, attack.code, error.message);
        if (attack.says) assert.match(error.message, attack.says);
        return true;
      });
    });
  }
});

describe('a stock TUF client refuses the same attacks, but for rules that are X’s own', () => {
  const paths = entries(10).map(({ path }) => path);
  let server: StaticServer;
  before(async () => {
    server = await startStaticServer();
  });
  after(() => server.close());

  /** What the stock client says to files, after it took others, on a day; undefined where it takes them. */
  async function stockRefusal(files: ReadonlyMap<string, Uint8Array>, attack?: Attack) {
    mock.timers.enable({ apis: ['Date'], now: attack?.at ?? now });
    const client = await StockClient.install(server, first.get('1.root.json')!);
    try {
      if (attack?.held) await client.take(attack.held, paths);
      // What the attacker renamed is asked for as well.
      const renamed = [...files.values()].flatMap(pathsIn);
      return await client.take(files, [...new Set([...paths, ...renamed])]).then(
        () => undefined,
        (error: unknown) => String(error),
      );
    } finally {
      mock.timers.reset();
      await client.remove();
    }
  }

  test('what X signs is taken, version after version', async () => {
    for (const files of [first, second, third]) assert.equal(await stockRefusal(files), undefined);
  });

  assert.ok(ATTACKS.filter(({ ownRule }) => ownRule === undefined).length >= 25);
  for (const attack of ATTACKS) {
    const { name, ownRule } = attack;
    test(ownRule === undefined ? name : `${name} (passes: ${ownRule})`, async () => {
      const refusal = await stockRefusal(filesOf(attack), attack);
      assert.equal(refusal === undefined, ownRule !== undefined, refusal ?? 'it was taken');
    });
  }
});

function pathsIn(bytes: Uint8Array): string[] {
  try {
    const { signed } = JSON.parse(Buffer.from(bytes).toString()) as {
      signed?: { _type?: string; targets?: object };
    };
    return signed?._type === 'targets' ? Object.keys(signed.targets ?? {}) : [];
  } catch {
    return [];
  }
}
