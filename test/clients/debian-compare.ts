import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import {
  createRepositoryKey,
  createRepositorySigner,
  type RepositorySigner,
} from '../../src/ecosystems/debian/repository-key.js';
import { whyNoApt } from './debian-apt.js';
import { installFromPruned } from './debian-pruned.js';
import { openScene, sceneLabel, whyNoRelease, type Scene, type SceneSpec } from './debian-scene.js';

export interface Comparison {
  /** Each one `apt-get install`; an empty one is a dist-upgrade. */
  lists?: readonly string[];
  /** Lists that are either answered alike or refused by both. */
  either?: readonly string[];
  /** Lists that real apt refuses, and X with it. */
  refused?: readonly string[];
  /**
   * Lists that real apt refuses over the whole archive though an answer exists (docs/debian.md): X
   * finds it, and apt installs it from the pruned repository.
   */
  found?: readonly string[];
}

/**
 * Plans each list over a scene, with and without Recommends. A plan must be what a real apt would
 * download, deb by deb, and what that apt then installs from the plan's pruned repository alone.
 */
export async function comparePlans(
  spec: SceneSpec,
  { lists = [], either = [], refused = [], found = [] }: Comparison,
): Promise<void> {
  const skip = (await whyNoApt()) || (await whyNoRelease(spec.release));
  const title = `a plan for ${sceneLabel(spec)} is apt's own, package by package`;
  describe(title, { skip }, () => {
    let scene: Scene;
    let signer: RepositorySigner;
    before(async () => {
      scene = await openScene(spec);
      signer = await createRepositorySigner(
        (await createRepositoryKey(new Date())).privateKeyArmored,
      );
    });
    after(async () => scene[Symbol.asyncDispose]());

    const install = async (names: readonly string[], withRecommends: boolean) => {
      const plan = scene.plan(names, { withRecommends, upgrade: names.length === 0 });
      const planned = plan.artifacts.map(
        ({ name, version, detail }) => `${name}_${version}_${String(detail['architecture'])}`,
      );
      const options = ['-o', `APT::Install-Recommends=${String(withRecommends)}`];
      return { plan, options, planned: planned.sort() };
    };
    const prove = async (names: readonly string[], withRecommends: boolean) => {
      const { plan, options, planned } = await install(names, withRecommends);
      const proof = await installFromPruned(scene, plan, names, signer, options);
      assert.equal(proof.code, 0, proof.output);
      assert.deepEqual(proof.installed, planned);
    };
    for (const withRecommends of [true, false]) {
      const suffix = withRecommends ? '' : ', without Recommends';
      for (const list of lists) {
        test(`${list || 'dist-upgrade'}${suffix}`, async () => {
          const names = list.split(' ').filter((name) => name !== '');
          const { options, planned } = await install(names, withRecommends);
          const expected = await scene.apt.printUris(names, options);
          assert.ok(expected !== undefined, 'apt has an answer');
          // A machine may have all of a list already.
          assert.ok(expected.length > 0 || spec.base === 'host', 'apt fetches something');
          assert.deepEqual(planned.map((name) => `${name}.deb`).sort(), expected);
          await prove(names, withRecommends);
        });
      }
      for (const list of either) {
        test(`${list}${suffix}, or refused by both`, async () => {
          const names = list.split(' ');
          const options = ['-o', `APT::Install-Recommends=${String(withRecommends)}`];
          const expected = await scene.apt.printUris(names, options);
          if (expected === undefined) {
            assert.throws(() => scene.plan(names, { withRecommends }), isNoAnswer);
            return;
          }
          const { planned } = await install(names, withRecommends);
          assert.deepEqual(planned.map((name) => `${name}.deb`).sort(), expected);
          await prove(names, withRecommends);
        });
      }
      for (const list of found) {
        test(`${list}${suffix}, which apt finds in the pruned repository alone`, async () => {
          const names = list.split(' ');
          const { options } = await install(names, withRecommends);
          assert.equal(await scene.apt.printUris(names, options), undefined);
          await prove(names, withRecommends);
        });
      }
    }
    for (const list of refused) {
      test(`${list} is refused by both`, async () => {
        const names = list.split(' ');
        assert.equal(await scene.apt.printUris(names, []), undefined);
        assert.throws(() => scene.plan(names, { withRecommends: true }), isNoAnswer);
      });
    }
  });
}

function isNoAnswer(error: unknown): boolean {
  return error instanceof XError && error.exitCode === 4;
}
