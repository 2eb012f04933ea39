import assert from 'node:assert/strict';
import { BOUNDS } from '../../domain/bounds.js';
import type { Digests } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { EcosystemPlan, JsonObject, PlannedArtifact } from '../../domain/plan.js';
import { formatPurl, type PurlLine } from '../../domain/purl.js';
import type { PlanRequest } from '../../ports/ecosystem.js';
import type { IndexCredentials, ListFolder, PypiSettings } from '../../ports/pypi-settings.js';
import type { Upstream } from '../../ports/upstream.js';
import { hashTexts, hashVerdict } from './demanded-hashes.js';
import { Distributions } from './distributions.js';
import { isProjectName, normalizeName } from './filename.js';
import { Indexes } from './indexes.js';
import type { InputRequirement, PypiRequirements } from './input.js';
import { indexProofOf } from './prove.js';
import { readRequirementsFile } from './requirements-file.js';
import { checkScope } from './scope.js';
import { settingsWith } from './planned-settings.js';
import { PAST_PYTHON } from './insisted-python.js';
import { admitsPython, pythonTarget, type PythonTarget } from './python-target.js';
import { exactly, formatSpecifiers, isPinned, parseSpecifiers } from './specifier.js';
import {
  planTarget,
  type Selection,
  type Selections,
  type TargetPlanContext,
} from './target-plan.js';
import { planTargets } from './plan-targets.js';
import { DEFAULT_CHOICES, type NamedParts, type PypiChoices } from './choices.js';
import { parseVersion } from './version.js';
import { wantedOn, type Asked, type Wanted } from './wanted.js';

export interface PlanDeps {
  upstream: Upstream;
  settings: PypiSettings;
  listFolder: ListFolder;
  /** Whether a file address of this machine names anything. */
  isThere?: ((fileUrl: string) => Promise<boolean>) | undefined;
  credentials: IndexCredentials;
  choices?: Partial<PypiChoices> | undefined;
  /** For `${NAME}` in requirements files. */
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * The closure of every target.
 * @throws XError as EcosystemSource.plan.
 */
export async function planPypi(
  request: PlanRequest<PypiRequirements>,
  deps: PlanDeps,
): Promise<EcosystemPlan> {
  const warnings = new Set<string>();
  const warn = (message: string): void => {
    if (warnings.has(message)) return;
    warnings.add(message);
    request.report({ event: 'warning', message });
  };
  checkNames(request.requirements, deps.choices ?? {});
  const asked = askedOf(request, await configuredConstraints(deps));
  if (asked.requirements.length === 0) return { artifacts: [], warnings: [] };
  for (const login of request.requirements.flatMap(({ logins }) => logins)) {
    deps.credentials.remember(login);
  }
  const settings = settingsWith(
    deps.settings,
    request.requirements.map(({ options }) => options),
    deps.credentials,
  );
  const { signal, notNewerThan } = request;
  const choices = { ...DEFAULT_CHOICES, ...deps.choices };
  const context: TargetPlanContext = {
    indexes: new Indexes({ ...deps, settings, warn, signal, strategy: choices.indexStrategy }),
    distributions: new Distributions(deps.upstream, signal),
    settings,
    policy: choices.policy,
    notNewerThan,
    warn,
    signal,
  };
  const targets = request.targets.map(pythonTarget);
  for (const { scope } of request.requirements) {
    for (const target of targets) checkScope(scope, target);
  }
  const wanted = targets.map((target) => wantedOn(target, asked));
  const plans = await planTargets(targets, choices.oneVersion, warn, async (at, preferred) => {
    const [target, own] = [targets[at], wanted[at]];
    assert(target !== undefined && own !== undefined);
    const again = preferred.size > 0 ? ' again, for one version on all' : '';
    request.report({ event: 'step', text: `Resolving Python packages for ${target.id}${again}` });
    return planTarget(own, target, preferred, context);
  });
  const artifacts = new Map<string, PlannedArtifact>();
  plans.forEach(({ selections, warnings: own }, at) => {
    const [target, asks] = [targets[at], wanted[at]];
    assert(target !== undefined && asks !== undefined);
    for (const message of own) warn(message);
    mergeSelections(selections, target, asks, artifacts);
  });
  const needed = wanted.flatMap(({ requirements }) => requirements);
  warnOfHashes({ ...asked, requirements: needed }, artifacts, settings.requireHashes, warn);
  return { artifacts: [...artifacts.values()], warnings: [...warnings] };
}

/** @throws XError USAGE for a chosen extra or group that no file has. */
function checkNames(requirements: readonly PypiRequirements[], choices: NamedParts): void {
  for (const kind of ['extras', 'groups'] as const) {
    const offered = [...new Set(requirements.flatMap(({ offers }) => offers[kind]))];
    const known = new Set([':all:', ':none:', ...offered.map(normalizeName)]);
    for (const name of choices[kind] ?? []) {
      if (known.has(normalizeName(name.trim())) || known.has(name.trim())) continue;
      const flag = kind === 'extras' ? '--extra' : '--group';
      throw new XError('USAGE', `${flag} ${name}: no file that is read has it`, {
        hint: offered.length === 0 ? 'They have none.' : `They have ${offered.join(', ')}.`,
      });
    }
  }
}

/** All that is asked for, whatever the target. */
function askedOf(
  { requirements, purls }: PlanRequest<PypiRequirements>,
  configured: readonly InputRequirement[],
): Asked {
  return {
    requirements: [
      ...requirements.flatMap((one) => one.requirements),
      ...purls.map(requirementOfPurl),
    ],
    constraints: [...requirements.flatMap((one) => one.constraints), ...configured],
  };
}

/** What pip's configured constraints files say. */
async function configuredConstraints({ settings, env }: PlanDeps): Promise<InputRequirement[]> {
  const lists: InputRequirement[][] = [];
  for (const file of settings.constraints) {
    const readFile = (path: string): Promise<never> =>
      Promise.reject(
        new XError('INPUT_MALFORMED', `configured constraints name no other file: ${path}`),
      );
    const { requirements } = await readRequirementsFile(file, { readFile, env }, 'constraint');
    lists.push(requirements.constraints);
  }
  return lists.flat();
}

/** `pkg:pypi/name@1.2` pins, `pkg:pypi/name@>=1,<2` ranges. */
function requirementOfPurl({ purl, text, file, line }: PurlLine): InputRequirement {
  const version = purl.version === undefined ? undefined : parseVersion(purl.version);
  const specifiers = version === undefined ? parseSpecifiers(purl.version ?? '') : exactly(version);
  if (purl.namespace !== undefined || !isProjectName(purl.name) || specifiers === undefined) {
    throw new XError(
      'INPUT_MALFORMED',
      `${file}:${line}:1: not a Python package at a version: ${text}`,
      {
        hint: 'Write pkg:pypi/requests@2.32.3, or a range as in pkg:pypi/requests@>=2.31,<3.',
      },
    );
  }
  const name = normalizeName(purl.name);
  const requirement = {
    name,
    extras: [],
    specifiers,
    url: undefined,
    marker: undefined,
    text: name + formatSpecifiers(specifiers),
  };
  return { requirement, hashes: [], where: `${file}:${line}` };
}

function mergeSelections(
  selections: Selections,
  target: PythonTarget,
  wanted: Wanted,
  artifacts: Map<string, PlannedArtifact>,
): void {
  const targetId = target.id;
  for (const selection of selections.values()) {
    const artifact = artifactOf(selection, wanted);
    const known = artifacts.get(artifact.path) ?? artifact;
    checkSameFile(known, artifact);
    artifacts.set(artifact.path, known);
    if (artifacts.size > BOUNDS.planArtifacts) {
      throw new XError('LIMIT_EXCEEDED', `the plan has more than ${BOUNDS.planArtifacts} files`);
    }
    known.targets.push(targetId);
    keepOpenHashes(known, targetId, wanted);
    for (const key of selection.requires) addOnce(known.requires, purlOfKey(key));
    const asked = known.detail['asked'] as JsonObject;
    if (selection.asked.length > 0) asked[targetId] = selection.asked;
    if (!admitsPython(selection.chosen.metadata.requiresPython, target)) {
      ((known.detail[PAST_PYTHON] ??= []) as string[]).push(targetId);
    }
  }
  for (const selection of selections.values()) {
    const purl = purlOf(selection);
    for (const key of selection.requires) {
      const required = selections.get(key);
      const entry = required && artifacts.get(pathOf(required));
      if (entry !== undefined) addOnce(entry.requiredBy, purl);
    }
  }
}

/** Targets may name a file at different addresses; under one name it must be one file. */
function checkSameFile(known: PlannedArtifact, artifact: PlannedArtifact): void {
  if (known.url === artifact.url) return;
  const { sha256 } = artifact.digests;
  if (sha256 !== undefined && sha256 === known.digests.sha256) return;
  const both = `${known.url} and ${artifact.url}`;
  throw new XError('CONFLICT', `${artifact.filename} stands at two addresses: ${both}`, {
    hint: 'Name one address, or add #sha256=… to both where they hold the same bytes.',
  });
}

/** Demanded hashes that no known digest meets are compared once the bytes are held. */
function keepOpenHashes(artifact: PlannedArtifact, targetId: string, { hashes }: Wanted): void {
  const demanded = hashes.get(artifact.name) ?? [];
  if (demanded.length === 0 || hashVerdict(artifact.digests, demanded) === 'met') return;
  const kept = (artifact.detail['hashes'] ??= {}) as JsonObject;
  kept[targetId] = hashTexts(demanded);
}

function addOnce(list: string[], item: string): void {
  if (!list.includes(item)) list.push(item);
}

function purlOfKey(key: string): string {
  const [name = '', version = ''] = key.split('==');
  return formatPurl({ type: 'pypi', namespace: undefined, name, version });
}

function purlOf({ chosen }: Selection): string {
  const { name, version } = chosen.file.parsed;
  return purlOfKey(`${name}==${version.text}`);
}

function pathOf({ chosen }: Selection): string {
  return `pypi/${chosen.file.parsed.name}/${chosen.file.filename}`;
}

function artifactOf(selection: Selection, wanted: Wanted): PlannedArtifact {
  const { file, metadata, metadataSha256 } = selection.chosen;
  const demanded = wanted.hashes.get(file.parsed.name) ?? [];
  // A single demanded hash stands for a digest that the index does not give.
  const [only] = demanded.length === 1 ? demanded : [];
  const digests: Digests = Object.keys(file.digests).length > 0 ? file.digests : { ...only };
  const requiresPython =
    file.requiresPythonText ??
    (metadata.requiresPython === undefined ? undefined : formatSpecifiers(metadata.requiresPython));
  const detail: JsonObject = { asked: {} };
  if (requiresPython !== undefined) detail['requires-python'] = requiresPython;
  if (file.yanked !== undefined) detail['yanked'] = file.yanked === '' ? true : file.yanked;
  if (file.uploadTime !== undefined) detail['upload-time'] = file.uploadTime;
  if (metadataSha256 !== undefined) detail['core-metadata'] = metadataSha256;
  if (file.provenanceUrl !== undefined) detail['provenance'] = file.provenanceUrl;
  return {
    purl: purlOf(selection),
    ecosystem: 'pypi',
    name: file.parsed.name,
    version: file.parsed.version.text,
    filename: file.filename,
    path: pathOf(selection),
    sizeBytes: file.sizeBytes,
    digests,
    url: withoutCredentials(file.url),
    proof: file.provenanceUrl === undefined ? indexProofOf({ digests, url: file.url }) : 'pep740',
    requiredBy: [],
    requires: [],
    targets: [],
    private: !(file.index?.isPublic ?? false),
    detail,
  };
}

function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url.href;
}

/** In hash-checking mode pip refuses what has no hash: better said here than on the isolated machine. */
function warnOfHashes(
  { requirements, constraints }: Asked,
  artifacts: ReadonlyMap<string, PlannedArtifact>,
  isRequired: boolean,
  warn: (message: string) => void,
): void {
  const hashed = new Set(
    [...requirements, ...constraints]
      .filter(({ hashes }) => hashes.length > 0)
      .map(({ requirement }) => requirement.name),
  );
  if (hashed.size === 0 && !isRequired) return;
  const bare = [...artifacts.values()].map(({ name }) => name).filter((name) => !hashed.has(name));
  const loose = requirements
    .filter(({ requirement: { specifiers, url } }) => url === undefined && !isPinned(specifiers))
    .map(({ requirement }) => requirement.name);
  const missing = [...new Set([...bare, ...loose])];
  if (missing.length === 0) return;
  warn(
    `${hashed.size === 0 ? '--require-hashes is on' : 'some requirements have --hash'}, so pip will refuse those without a hash and a version: ${missing.join(', ')}`,
  );
}
