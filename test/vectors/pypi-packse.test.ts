import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget } from '../../src/domain/target.js';
import { parseFilename } from '../../src/ecosystems/pypi/filename.js';
import { evaluateMarker } from '../../src/ecosystems/pypi/marker.js';
import {
  admitsPython,
  pythonTarget,
  type PythonTarget,
} from '../../src/ecosystems/pypi/python-target.js';
import {
  isProblem,
  parseRequirement,
  type Requirement,
} from '../../src/ecosystems/pypi/requirement.js';
import {
  Unresolvable,
  type CandidateVersion,
  type Dependency,
  type PackageProvider,
  type RootRequirement,
  type VersionFacts,
} from '../../src/ecosystems/pypi/resolver/package-provider.js';
import { resolve } from '../../src/ecosystems/pypi/resolver/resolve.js';
import { parseSpecifiers, satisfies } from '../../src/ecosystems/pypi/specifier.js';
import { compareVersions, parseVersion, type Version } from '../../src/ecosystems/pypi/version.js';
import { missing, readVectors } from './pypi-vectors.js';

interface PackseVersion {
  requires?: string[];
  extras?: Record<string, string[]>;
  requires_python?: string;
  yanked?: boolean;
  sdist?: boolean;
  wheel?: boolean;
  wheel_tags?: string[];
}

interface Scenario {
  name: string;
  folder: string;
  environment?: { python?: string };
  expected: { satisfiable: boolean; packages?: Record<string, string> };
  packages: Record<string, { versions: Record<string, PackseVersion> }>;
  resolver_options?: {
    universal?: boolean;
    python?: string;
    prereleases?: boolean;
    no_build?: string[];
  };
  root: { requires: string[]; requires_python?: string };
}

function parsed(text: string): Requirement {
  const requirement = parseRequirement(text);
  assert.ok(!isProblem(requirement), text);
  return requirement;
}

function edgesOf(texts: readonly string[], target: PythonTarget, extra: string): Dependency[] {
  return texts.map(parsed).flatMap((requirement) => {
    const { name, extras, specifiers, marker, text } = requirement;
    const holds = target.environments.some(
      (environment) => marker === undefined || evaluateMarker(marker, environment, extra),
    );
    const nodes = [name, ...extras.map((one) => `${name}[${one}]`)];
    return holds ? nodes.map((node) => ({ node, name, specifiers, text })) : [];
  });
}

/** A scenario's packages as an index would offer them to one target. */
class ScenarioProvider implements PackageProvider {
  constructor(
    readonly scenario: Scenario,
    readonly target: PythonTarget,
  ) {}

  #versions(name: string): [Version, PackseVersion][] {
    const versions = Object.entries(this.scenario.packages[name]?.versions ?? {});
    return versions.map(([text, facts]) => {
      const version = parseVersion(text);
      assert.ok(version, text);
      return [version, facts];
    });
  }

  #isUsable(name: string, version: Version, facts: PackseVersion): boolean {
    const tags = facts.wheel === false ? [] : (facts.wheel_tags ?? ['py3-none-any']);
    const hasWheel = tags.some((tag) => {
      const file = parseFilename(`${name.replaceAll('-', '_')}-${version.text}-${tag}.whl`);
      return file?.kind === 'wheel' && file.tags.some((one) => this.target.tags.has(one));
    });
    return hasWheel || facts.sdist !== false;
  }

  versions(name: string): Promise<CandidateVersion[]> {
    const usable = this.#versions(name).filter(
      ([version, facts]) =>
        this.#isUsable(name, version, facts) &&
        admitsPython(
          facts.requires_python === undefined ? undefined : parseSpecifiers(facts.requires_python),
          this.target,
        ),
    );
    const candidates = usable.map(([version, facts]) => ({
      version,
      isYanked: facts.yanked ?? false,
    }));
    return Promise.resolve(candidates.sort((a, b) => compareVersions(b.version, a.version)));
  }

  facts(node: string, version: Version): Promise<VersionFacts> {
    const [, name = '', extra] = /^([^[]*)(?:\[(.*)\])?$/.exec(node) ?? [];
    const own = this.#versions(name).find(([other]) => compareVersions(other, version) === 0)?.[1];
    const dependencies = edgesOf(own?.requires ?? [], this.target, '');
    if (extra !== undefined) {
      const key = Object.keys(own?.extras ?? {}).find(
        (one) => one.replace(/[-_.]+/g, '-') === extra,
      );
      dependencies.push({ node: name, name, specifiers: [], text: name, exact: version });
      dependencies.push(...edgesOf(own?.extras?.[key ?? ''] ?? [], this.target, extra));
    }
    return Promise.resolve({ dependencies });
  }
}

async function answer(
  scenario: Scenario,
  target: PythonTarget,
): Promise<Record<string, string> | undefined> {
  const roots = edgesOf(scenario.root.requires, target, '');
  const requirements: RootRequirement[] = roots.map((edge) => ({ ...edge, where: 'the scenario' }));
  try {
    const resolution = await resolve({
      requirements,
      constraints: [],
      provider: new ScenarioProvider(scenario, target),
      policy: 'explicit',
      allowPreReleases: scenario.resolver_options?.prereleases ?? false,
    });
    const chosen = [...resolution].filter(([node]) => !node.includes('['));
    return Object.fromEntries(chosen.map(([node, { version }]) => [node, version.text]));
  } catch (thrown) {
    if (thrown instanceof Unresolvable) {
      assert.ok(thrown.chain.length > 0, 'a failure is explained');
      return undefined;
    }
    throw thrown;
  }
}

function targetsOf({ environment, resolver_options: options, root }: Scenario): PythonTarget[] {
  const floor = /[0-9.]+/.exec(root.requires_python ?? '')?.[0];
  const python = options?.python ?? environment?.python ?? floor ?? '3.12';
  const platforms = ['linux/amd64/glibc2.36', 'macos14/arm64', 'windows/amd64'];
  const asked = options?.universal === true ? platforms : platforms.slice(0, 1);
  return asked.map((platform) => pythonTarget(parseTarget(`${platform},python=${python}`)));
}

/** Scenarios that rest on another installer's rules; what pip would do is expected instead. */
const OTHERWISE: Readonly<Record<string, { satisfiable: boolean; because: string }>> = {
  'preferences-dependent-forking-conflicting': {
    satisfiable: true,
    because: 'one lockfile for all platforms does not exist, an answer for each does',
  },
  'fork-non-local-fork-marker-direct': {
    satisfiable: true,
    because: 'its two conflicting requirements are for different platforms',
  },
  'conflict-in-fork': {
    satisfiable: true,
    because: 'its conflict is on a platform that no target names',
  },
  'python-less-than-current': {
    satisfiable: false,
    because: "pip heeds a Requires-Python's upper bound",
  },
};

/** Every edge of every chosen version leads to a chosen version in range. */
async function assertSound(
  scenario: Scenario,
  target: PythonTarget,
  found: Record<string, string>,
): Promise<void> {
  const provider = new ScenarioProvider(scenario, target);
  const edges = edgesOf(scenario.root.requires, target, '');
  for (const [name, text] of Object.entries(found)) {
    const facts = await provider.facts(name, parseVersion(text)!);
    if ('dependencies' in facts) edges.push(...facts.dependencies);
  }
  for (const { name, specifiers, text } of edges) {
    const version = parseVersion(found[name] ?? '');
    assert.ok(version && satisfies(specifiers, version), `${text} is met by ${found[name]}`);
  }
}

const scenarios = missing('packse.json') === false ? readVectors<Scenario[]>('packse.json') : [];

test('resolution scenarios', { skip: missing('packse.json') }, async (t) => {
  for (const scenario of scenarios) {
    const isUniversal = scenario.resolver_options?.universal === true;
    const otherwise = OTHERWISE[scenario.name];
    const note = otherwise === undefined ? '' : ` (${otherwise.because})`;
    const title = `${scenario.folder}: ${scenario.name}${isUniversal ? ', per target' : ''}${note}`;
    await t.test(title, async () => {
      const { satisfiable, packages } = { ...scenario.expected, ...otherwise };
      const answers = [];
      for (const target of targetsOf(scenario)) {
        const found = await answer(scenario, target);
        answers.push(found);
        if (found !== undefined) await assertSound(scenario, target, found);
      }
      if (!satisfiable) assert.ok(answers.includes(undefined), JSON.stringify(answers));
      for (const found of satisfiable ? answers : []) {
        assert.ok(found !== undefined, 'resolvable');
        if (packages !== undefined) assert.deepEqual(found, packages);
      }
    });
  }
});
