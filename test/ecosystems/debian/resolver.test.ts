import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XError } from '../../../src/domain/errors.js';
import { PackageVersion } from '../../../src/ecosystems/debian/package-version.js';
import type { ReleaseIndex } from '../../../src/ecosystems/debian/release-index.js';
import { resolve } from '../../../src/ecosystems/debian/resolver/resolve.js';
import { listedVersions, Universe } from '../../../src/ecosystems/debian/resolver/universe.js';

/** A relation of the made-up packages: a name, and perhaps one version of it. */
interface Related {
  name: string;
  version: string | undefined;
}

interface Made {
  name: string;
  version: string;
  depends: Related[][];
  conflicts: Related[];
  provides: string[];
}

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const VIRTUAL = ['v', 'w'];
const VERSIONS = ['1', '2'];

const related = fc.record({
  name: fc.constantFrom(...NAMES, ...VIRTUAL),
  version: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom(...VERSIONS)),
});
const made = (name: string, version: string) =>
  fc.record({
    name: fc.constant(name),
    version: fc.constant(version),
    depends: fc.array(fc.array(related, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
    conflicts: fc.array(related, { maxLength: 2 }),
    provides: fc.subarray(VIRTUAL),
  });
const world = fc.record({
  packages: fc.tuple(...NAMES.flatMap((name) => VERSIONS.map((version) => made(name, version)))),
  asked: fc.subarray(NAMES, { minLength: 1, maxLength: 3 }),
  installed: fc.subarray(NAMES),
  isNewInstalled: fc.boolean(),
});

function fits(one: Made, { name, version }: Related): boolean {
  if (one.name === name) return version === undefined || version === one.version;
  return version === undefined && one.provides.includes(name);
}

/** Whether packages can stand together: written anew, over nothing but the made-up form. */
function holds(chosen: readonly Made[]): boolean {
  return chosen.every(
    (one) =>
      one.depends.every((group) =>
        group.some((relation) => chosen.some((other) => fits(other, relation))),
      ) &&
      !one.conflicts.some((relation) =>
        chosen.some((other) => other.name !== one.name && fits(other, relation)),
      ),
  );
}

/** Every choice of at most one version of each package, none of them older than what is installed. */
function* choices(packages: readonly Made[], installed: readonly Made[]): Generator<Made[]> {
  const options = NAMES.map((name) => {
    const there = installed.find((one) => one.name === name)?.version ?? '0';
    return [
      undefined,
      ...packages.filter((one) => one.name === name && Number(one.version) >= Number(there)),
    ];
  });
  const walk = function* (at: number, chosen: Made[]): Generator<Made[]> {
    const list = options[at];
    if (list === undefined) yield chosen;
    else for (const one of list) yield* walk(at + 1, one ? [...chosen, one] : chosen);
  };
  yield* walk(0, []);
}

const relationText = ({ name, version }: Related): string =>
  version === undefined ? name : `${name} (= ${version})`;

function stanzaOf({ name, version, depends, conflicts, provides }: Made): string {
  const field = (label: string, items: readonly string[]): string =>
    items.length === 0 ? '' : `${label}: ${items.join(', ')}\n`;
  return [
    `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\n`,
    field(
      'Depends',
      depends.map((group) => group.map(relationText).join(' | ')),
    ),
    field('Conflicts', conflicts.map(relationText)),
    field('Provides', provides),
  ].join('');
}

const INDEX: ReleaseIndex = {
  release: {
    suiteId: 'made',
    baseUrl: 'http://made.example/',
    origin: 'Made',
    label: undefined,
    suite: 'made',
    codename: 'made',
    version: undefined,
    isNotAutomatic: false,
    isButAutomaticUpgrades: false,
    sha256: '0'.repeat(64),
    signatureSha256: undefined,
    isPublic: false,
  },
  component: 'main',
  architecture: 'amd64',
  path: 'Packages',
  sha256: '0'.repeat(64),
};

function plan(packages: readonly Made[], installed: readonly Made[], asked: readonly string[]) {
  const versionOf = (one: Made, index: ReleaseIndex | undefined) =>
    new PackageVersion(one.name, one.version, 'amd64', stanzaOf(one), index);
  const universe = new Universe(
    'amd64',
    [listedVersions(packages.map((one) => versionOf(one, INDEX)))],
    installed.map((one) => versionOf(one, undefined)),
  );
  const wishes = asked.map((name) => {
    const node = universe.node(name, 'amd64');
    assert.ok(node);
    const there = Number(node.installed?.version ?? 0);
    const solutions = node.versions
      .filter(({ version }) => Number(version) >= there)
      .map((version) => ({ node, version }));
    return { text: name, solutions };
  });
  const options = {
    pins: [],
    withRecommends: false,
    followsSuggests: true,
    mentions: { compare: () => 0 },
  };
  return resolve(universe, wishes, options);
}

/** What each package becomes where `tool` is asked for from the suite `next`; `next` is NotAutomatic. */
function fromNext(stable: readonly string[], next: readonly string[]) {
  const nextIndex: ReleaseIndex = {
    ...INDEX,
    release: { ...INDEX.release, suiteId: 'next', suite: 'next', isNotAutomatic: true },
  };
  const versions = (stanzas: readonly string[], index: ReleaseIndex) =>
    stanzas.map((stanza) => {
      const [name = '', version = ''] = stanza.split(' ');
      const rest = stanza.slice(name.length + version.length + 2);
      const text = `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\n${rest}`;
      return new PackageVersion(name, version, 'amd64', text, index);
    });
  const universe = new Universe('amd64', [
    listedVersions(versions(stable, INDEX)),
    listedVersions(versions(next, nextIndex)),
  ]);
  const node = universe.node('tool', 'amd64');
  const version = node?.versions[0];
  assert.ok(node && version);
  const wish = { text: 'tool/next', suite: 'next', solutions: [{ node, version }] };
  const { selection, isAsApt } = resolve(universe, [wish], {
    pins: [],
    withRecommends: false,
    followsSuggests: true,
    mentions: { compare: () => 0 },
  });
  const chosen = [...selection.values()].map(({ name, version: text }) => `${name} ${text}`);
  return { chosen: chosen.sort(), isAsApt };
}

test('what a package of a named release needs in that version comes from that release too', () => {
  const stable = ['data 1', 'lib 1', 'core 1'];
  const data = 'data 2 Depends: core (>= 2)';
  assert.deepEqual(fromNext(stable, ['tool 2 Depends: lib, data (= 2)', data, 'core 2', 'lib 2']), {
    chosen: ['core 2', 'data 2', 'lib 1', 'tool 2'],
    isAsApt: true,
  });
  // apt goes no further than the first dependency that needs more than is there; the search does.
  const late = ['tool 2 Depends: lib, data (= 2)', data, 'core 2', 'lib 2'];
  const deep = ['data 1', 'lib 1 Depends: deep', 'deep 1', 'core 1'];
  assert.deepEqual(fromNext(deep, late), {
    chosen: ['core 2', 'data 2', 'deep 1', 'lib 1', 'tool 2'],
    isAsApt: false,
  });
});

test('of what provides name:any, the one of that name is not preferred, as with apt', () => {
  const stanzas = [
    'Package: dev\nDepends: make:any\n',
    'Package: plain\nDepends: make\n',
    'Package: make\nMulti-Arch: allowed\n',
    'Package: make-guile\nProvides: make\nMulti-Arch: allowed\n',
  ];
  const versions = stanzas.map((stanza) => {
    const name = /^Package: (.*)$/m.exec(stanza)?.[1] ?? '';
    return new PackageVersion(name, '1', 'amd64', `${stanza}Version: 1\n`, INDEX);
  });
  const order = versions.map(({ name }) => name);
  const chosenFor = (name: string): string[] => {
    const universe = new Universe('amd64', [listedVersions(versions)]);
    const node = universe.node(name, 'amd64');
    const version = node?.versions[0];
    assert.ok(node && version);
    const mentions = {
      compare: (a: { name: string }, b: { name: string }) =>
        order.indexOf(a.name) - order.indexOf(b.name),
    };
    const options = { pins: [], withRecommends: true, followsSuggests: true, mentions };
    const wish = { text: name, solutions: [{ node, version }] };
    return [...resolve(universe, [wish], options).selection.keys()].map((one) => one.name);
  };
  assert.deepEqual(chosenFor('dev').sort(), ['dev', 'make-guile']);
  assert.deepEqual(chosenFor('plain').sort(), ['make', 'plain']);
});

test('what was chosen before a contradiction was met stays where it can, as with apt', () => {
  const stanzas = [
    'Package: desk\nDepends: settings, manager\n',
    'Package: settings\nDepends: sound-new | sound-old\nRecommends: audio\n',
    'Package: sound-new\n',
    'Package: audio\nConflicts: server\n',
    'Package: manager\nDepends: sound-old\n',
    'Package: sound-old\nDepends: server\n',
    'Package: server\n',
  ];
  const versions = stanzas.map((stanza) => {
    const name = /^Package: (.*)$/m.exec(stanza)?.[1] ?? '';
    return new PackageVersion(name, '1', 'amd64', `${stanza}Version: 1\n`, INDEX);
  });
  const universe = new Universe('amd64', [listedVersions(versions)]);
  const node = universe.node('desk', 'amd64');
  const version = node?.versions[0];
  assert.ok(node && version);
  const { selection, isAsApt } = resolve(
    universe,
    [{ text: 'desk', solutions: [{ node, version }] }],
    { pins: [], withRecommends: true, followsSuggests: true, mentions: { compare: () => 0 } },
  );
  assert.equal(isAsApt, false);
  assert.deepEqual([...selection.keys()].map(({ name }) => name).sort(), [
    'desk',
    'manager',
    'server',
    'settings',
    'sound-new',
    'sound-old',
  ]);
});

test('where nothing fits, each link follows from one before, and the end says what to change', () => {
  const stanzas = [
    'Package: mta-one\nProvides: mta\nConflicts: mta\n',
    'Package: mta-two\nProvides: mta\n',
    'Package: mta-three\nProvides: mta\n',
    'Package: suite\nDepends: base\n',
    'Package: base\nDepends: mta-two | mta-three\n',
    'Package: lost\nDepends: base, gone (>= 2)\n',
  ];
  const universe = new Universe('amd64', [
    listedVersions(
      stanzas.map((stanza) => {
        const name = /^Package: (.*)$/m.exec(stanza)?.[1] ?? '';
        return new PackageVersion(name, '1', 'amd64', `${stanza}Version: 1\n`, INDEX);
      }),
    ),
  ]);
  const refused = (...names: string[]): XError => {
    const wishes = names.map((name) => {
      const node = universe.node(name, 'amd64');
      assert.ok(node);
      return { text: name, solutions: node.versions.map((version) => ({ node, version })) };
    });
    const options = {
      pins: [],
      withRecommends: true,
      followsSuggests: true,
      mentions: { compare: () => 0 },
    };
    try {
      resolve(universe, wishes, options);
    } catch (error) {
      assert.ok(error instanceof XError);
      return error;
    }
    return assert.fail('there is no answer');
  };
  const excluded = refused('mta-one', 'suite');
  assert.deepEqual(excluded.message.split('\n'), [
    'no set of Debian packages fits:',
    'you ask for mta-one',
    'you ask for suite',
    'suite 1 depends on base',
    'base 1 depends on mta-two | mta-three',
    'mta-one 1 conflicts with mta, which mta-three and mta-two provide',
  ]);
  assert.equal(excluded.hint, 'Leave out mta-one or suite, or ask for other versions.');
  const lacking = refused('lost');
  assert.deepEqual(lacking.message.split('\n'), [
    'no set of Debian packages fits:',
    'you ask for lost',
    'lost 1 depends on gone (>= 2), but no source has gone',
  ]);
  assert.equal(
    lacking.hint,
    'Add the suite or source that has gone (>= 2), or ask for another version of lost.',
  );
});

test('a solution is found wherever an exhaustive search finds one, and is one; else the reasons are told', () => {
  let [solvable, unsolvable, searched] = [0, 0, 0];
  const property = fc.property(world, ({ packages, asked, installed: names, isNewInstalled }) => {
    const wanted = packages.filter(
      ({ name, version }) => names.includes(name) && version === (isNewInstalled ? '2' : '1'),
    );
    // A machine whose packages do not fit is not what this is about.
    const installed = holds(wanted) ? wanted : [];
    const isAnswer = (chosen: readonly Made[]): boolean =>
      asked.every((name) => chosen.some((one) => one.name === name)) && holds(chosen);
    const exists = [...choices(packages, installed)].some(isAnswer);
    try {
      const { selection, isAsApt } = plan(packages, installed, asked);
      const chosen = [...selection.values()].map((version) => {
        const found = packages.find(
          (one) => one.name === version.name && one.version === version.version,
        );
        assert.ok(found);
        return found;
      });
      assert.ok(isAnswer(chosen), 'what is selected stands together and has what is asked for');
      solvable += 1;
      if (!isAsApt) searched += 1;
    } catch (error) {
      if (!(error instanceof XError)) throw error;
      assert.equal(error.code, 'NOT_RESOLVABLE');
      assert.match(error.message, /you ask for [abcde]/);
      assert.equal(exists, false, `an answer exists: ${error.message}`);
      unsolvable += 1;
    }
  });
  fc.assert(property, { numRuns: 1_500 });
  const counts = `${solvable} solved, ${searched} of them by search, ${unsolvable} refused`;
  assert.ok(solvable > 300 && unsolvable > 100 && searched > 30, counts);
});
