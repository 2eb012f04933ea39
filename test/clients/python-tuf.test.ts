import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { BundleEntry } from '../../src/domain/bundle.js';
import { sha256 } from '../../src/domain/digest.js';
import type { Identity } from '../../src/trust/identity.js';
import { makeMetadata } from '../../src/trust/make.js';
import { readRoots } from '../../src/trust/published.js';
import { proposeRoot } from '../../src/trust/root-change.js';
import { rotateRootChain } from '../../src/trust/roots.js';
import {
  ATTACKS,
  first,
  now,
  second,
  third,
  type Attack,
  type Files,
} from '../trust/attack-table.js';
import { entries, entry, identity } from '../trust/sample.js';
import { askPythonTuf, pythonWithTuf, type TufAnswer } from './python-tuf.js';

const python = pythonWithTuf();
const skip = python === undefined ? 'no Python here has python-tuf (import tuf.ngclient)' : false;
const root = first.get('1.root.json')!;
const paths = entries(10).map(({ path }) => path);

const [source, heir, warden] = [identity('source'), identity('heir'), identity('warden')];
const body = Buffer.from('a wheel');
const whl = entry(1, { sha256: sha256(body), sha512: undefined, lengthBytes: body.length });

const publish = (signer: Identity, list: BundleEntry[], previous?: Files): Files =>
  makeMetadata({ bundle: 'demo', identity: signer, entries: list, previous, now }).files;

/** A repository that has the wheel too, where consistent snapshots put it. */
function withTarget(files: Files, bytes: Uint8Array): Files {
  const slash = whl.path.lastIndexOf('/') + 1;
  const name = `${whl.path.slice(0, slash)}${whl.sha256}.${whl.path.slice(slash)}`;
  return new Map([...files, [name, bytes]]);
}

const filesOf = ({ files }: Attack): Files => (typeof files === 'function' ? files() : files);

/** What an attacker renamed is asked for as well. */
function pathsIn(files: Files): string[] {
  return [...files.values()].flatMap((bytes) => {
    try {
      const { signed } = JSON.parse(Buffer.from(bytes).toString()) as {
        signed?: { _type?: string; targets?: object };
      };
      return signed?._type === 'targets' ? Object.keys(signed.targets ?? {}) : [];
    } catch {
      return [];
    }
  });
}

describe('python-tuf and what X signs', { skip }, () => {
  test('it takes version after version, more bins, another key, and a root of two keys', () => {
    const mark = { bundle: 'demo', source: source.did, graceDays: 270 };
    const [few, more] = [600, 2500].map((count) => [whl, ...entries(count).slice(2)]);
    const made = publish(source, few!);
    const rotated = rotateRootChain(readRoots(made), source, heir, mark, now);
    const handed = publish(heir, more!, new Map([...made, ...rotated.files]));
    const role = { keys: [heir.did, warden.did], threshold: 2 };
    const signers = [heir, warden];
    const change = proposeRoot(readRoots(handed), { role, online: heir.did, mark, now, signers });
    const shared = publish(heir, more!, new Map([...handed, ['3.root.json', change]]));
    const downloads = [whl.path];
    const steps = [
      { files: withTarget(made, body), paths: [entry(400).path, 'pypi/no/no.whl'], downloads },
      { files: withTarget(handed, body), paths: [entry(2400).path], downloads },
      { files: withTarget(shared, body), paths: [entry(2400).path], downloads },
    ];
    const versions = [first, second, third].map((files) => ({ files, paths }));
    const answers = askPythonTuf(python!, [
      { root: made.get('1.root.json')!, at: now, steps },
      { root, at: now, steps: versions },
    ]);
    assert.deepEqual(answers, [
      [null, null, null],
      [null, null, null],
    ]);
  });

  test('it refuses a target whose bytes are others', () => {
    const made = publish(source, [whl]);
    const steps = [
      { files: withTarget(made, Buffer.from('a whale')), paths: [], downloads: [whl.path] },
    ];
    const cases = [{ root: made.get('1.root.json')!, at: now, steps }];
    assert.match(askPythonTuf(python!, cases)[0]![0]!, /LengthOrHashMismatch/);
  });

  describe('attacks are refused that break a rule of TUF', () => {
    const attacks = ATTACKS.filter(({ ownRule }) => ownRule === undefined);
    let answers: TufAnswer[];
    before(() => {
      answers = askPythonTuf(
        python!,
        attacks.map((attack) => {
          const files = filesOf(attack);
          const held = attack.held === undefined ? [] : [{ files: attack.held, paths }];
          const asked = [...new Set([...paths, ...pathsIn(files)])];
          return { root, at: attack.at ?? now, steps: [...held, { files, paths: asked }] };
        }),
      );
    });
    assert.ok(attacks.length >= 25);
    for (const [i, attack] of attacks.entries())
      test(attack.name, () => {
        const answer = answers[i]!;
        assert.deepEqual(answer.slice(0, -1), attack.held === undefined ? [] : [null]);
        assert.notEqual(answer.at(-1), null, 'it was taken');
      });
  });
});
