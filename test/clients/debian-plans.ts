import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseTarget } from '../../src/domain/target.js';
import { readAptSettings, type AptSettings } from '../../src/ecosystems/debian/apt/settings.js';
import { planTarget } from '../../src/ecosystems/debian/plan.js';
import { parseRequirements } from '../../src/ecosystems/debian/requirements.js';
import { WorldLoader, type World } from '../../src/ecosystems/debian/world.js';
import { readAptHost } from '../../src/platform/apt-host.js';
import { MemoryStore, openUpstream } from '../ecosystems/debian/support.js';
import { isolatedApt, run, whyNoApt, type IsolatedApt } from './debian-apt.js';

/** How often the mirror is read again where it changed meanwhile. */
const ATTEMPTS = 3;

const skip = (await whyNoApt()) || (await whyNoIndexes());

async function whyNoIndexes(): Promise<string | false> {
  await using apt = await isolatedApt('');
  const { code, output } = await run('apt-get', ['update', '-qq'], apt.env);
  if (code === 0 && !output.includes('Failed to fetch')) return false;
  return `apt's own sources cannot be reached: ${output.slice(0, 200)}`;
}

/** Plans each list (one `apt-get install`) over a base, and holds the plan against apt's own. */
export function comparePlans(base: 'minbase' | 'none', lists: readonly string[]): void {
  describe(`a plan over ${base} is apt's own, package by package`, { skip }, () => {
    let apt: IsolatedApt;
    let world: World;
    let settings: AptSettings;
    before(async () => {
      for (let attempt = 1; ; attempt += 1) {
        const store = new MemoryStore();
        const upstream = openUpstream();
        const host = await readAptHost();
        settings = readAptSettings(host, {});
        const target = parseTarget(`linux/${host.architecture ?? 'amd64'}/glibc2.36`);
        const context = { upstream, store, host, settings, now: new Date(), signal: undefined };
        world = await new WorldLoader(context, {}).load(target, { kind: base }, []);
        await upstream.close();
        const stanzas = world.installed.versions.map(({ stanza }) =>
          stanza.replace(/^(Package: .*)$/m, '$1\nStatus: install ok installed'),
        );
        apt = await isolatedApt(stanzas.map((stanza) => `${stanza}\n`).join('\n'));
        await run('apt-get', ['update', '-qq'], apt.env);
        // A mirror that changes between the two reads makes two worlds: then both are read again.
        const releases = await apt.releaseDigests();
        if (releases.every((digest) => store.stat(digest) !== undefined)) return;
        assert.ok(attempt < ATTEMPTS, 'the mirror keeps changing while it is read');
        await apt[Symbol.asyncDispose]();
      }
    });
    after(async () => apt[Symbol.asyncDispose]());

    for (const list of lists) {
      for (const withRecommends of [true, false]) {
        test(`${list}${withRecommends ? '' : ', without Recommends'}`, async () => {
          const names = list.split(' ');
          const option = `APT::Install-Recommends=${String(withRecommends)}`;
          const expected = await apt.printUris(names, ['-o', option]);
          assert.ok(expected !== undefined && expected.length > 0, 'apt has an answer');
          const { requirements } = parseRequirements(names.join('\n'), 'list.apt');
          const { artifacts } = planTarget(world, requirements, { ...settings, withRecommends });
          const actual = artifacts
            .map(
              ({ name, version, detail }) =>
                `${name}_${version}_${String(detail['architecture'])}.deb`,
            )
            .sort();
          assert.deepEqual(actual, expected);
        });
      }
    }
  });
}
