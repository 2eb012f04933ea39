import { XError } from '../../domain/errors.js';
import type { JsonObject, PlannedArtifact } from '../../domain/plan.js';
import { formatTarget, type Target } from '../../domain/target.js';
import type { NpmRegistry } from '../../ports/npm-registry.js';
import type { Selected } from './artifacts.js';
import { mayCompile, needOf } from './install-needs.js';
import { list, strings } from './json.js';
import { requiredDependencies } from './manifest.js';
import { isVersion, npmPurl } from './names.js';
import { fitsPlatform, nodePackageOf, platformOf } from './platform.js';
import type { NpmProject } from './project.js';

/** What a project needs beside its dependencies. */
interface Extra {
  name: string;
  spec: string;
  targets: string[];
  /** The selected packages that need it; none where the project itself does. */
  by: Selected[];
  project: string | undefined;
  sha512?: string | undefined;
  /** What to say where the registry has none; nothing where it may be so. */
  missing: string | undefined;
}

export interface ExtrasRequest {
  projects: readonly NpmProject[];
  targets: readonly Target[];
  selected: Map<string, Selected>;
  /** The plan so far. */
  artifacts: readonly PlannedArtifact[];
  registry: Pick<NpmRegistry, 'choose'>;
  notNewerThan: Date | undefined;
  warnings: Set<string>;
}

/**
 * Adds to what is selected: the clients that projects pin, Node's headers for what is compiled where
 * it is installed, and the Node that the package "node" brings when it is installed.
 * @returns whether anything was added.
 */
export async function addExtras(request: ExtrasRequest): Promise<boolean> {
  const before = request.selected.size;
  const extras = [...pinned(request), ...headers(request), ...nodes(request)];
  for (const extra of extras) {
    const manifest = await add(extra, request);
    if (extra.by.length > 0 || manifest === undefined) continue;
    for (const part of partsOf(extra, manifest, request)) await add(part, request);
  }
  return request.selected.size > before;
}

/**
 * pnpm is, from version 12 on, a program for each platform, in packages of their own. Version 11 looks up
 * both forms of the one that it hands over to, the program's wrapper too (but not what is inside).
 */
function partsOf(client: Extra, manifest: JsonObject, { selected }: ExtrasRequest): Extra[] {
  const version = String(manifest['version']);
  const user = selected.get(npmPurl(client.name, version));
  if (user === undefined) return [];
  const parts = {
    ...strings(manifest['optionalDependencies']),
    ...requiredDependencies(manifest),
    ...(client.name === 'pnpm' ? { '@pnpm/exe': version } : {}),
  };
  return Object.entries(parts).map(([name, spec]) => ({
    ...client,
    name,
    spec,
    by: [user],
    sha512: undefined,
    missing: undefined,
  }));
}

function pinned({ projects, targets }: ExtrasRequest): Extra[] {
  return projects.flatMap((project) =>
    project.pins.map(({ name, spec, sha512, text }) => ({
      name,
      spec,
      sha512,
      targets: targets.map(formatTarget),
      by: [],
      project: project.folder,
      missing: `npm: ${project.label}: ${text}`,
    })),
  );
}

/** Node's own packages hold its headers, for the same release. */
function headers({ artifacts, selected, targets, warnings }: ExtrasRequest): Extra[] {
  const compiled = artifacts.filter((artifact) => mayCompile(needOf(artifact)));
  return targets.flatMap((target) => {
    const id = formatTarget(target);
    const by = compiled.filter((artifact) => artifact.targets.includes(id));
    if (by.length === 0) return [];
    const name = nodePackageOf(target);
    if (name === undefined || target.node === undefined || target.os === 'windows') {
      warnings.add(
        `npm: Node’s headers for ${id}, with which ${by[0]?.name ?? ''} is compiled, are not carried: ` +
          (target.os === 'windows'
            ? 'on Windows node-gyp also needs node.lib, which no package has'
            : 'the target names no Node version (node=22) or a platform that Node has no package for'),
      );
      return [];
    }
    return [
      {
        name,
        spec: target.node,
        targets: [id],
        by: by.flatMap(({ purl }) => selected.get(purl) ?? []),
        project: undefined,
        missing: `npm: Node’s headers for ${id}, with which ${by[0]?.name ?? ''} is compiled`,
      },
    ];
  });
}

/** The package "node" asks the registry, when it is installed, for the Node of its platform. */
function nodes({ artifacts, selected, targets }: ExtrasRequest): Extra[] {
  return artifacts
    .filter(({ name }) => name === 'node')
    .flatMap(({ purl, version, targets: ids }) =>
      targets
        .filter((target) => ids.includes(formatTarget(target)))
        .flatMap((target) => {
          const name = nodePackageOf(target);
          const by = selected.get(purl);
          if (name === undefined || by === undefined) return [];
          const id = formatTarget(target);
          const missing = `npm: Node ${version} for ${id}`;
          return [{ name, spec: version, targets: [id], by: [by], project: undefined, missing }];
        }),
    );
}

/** @returns the manifest of what was added. */
async function add(extra: Extra, request: ExtrasRequest): Promise<JsonObject | undefined> {
  const { registry, selected, notNewerThan: before, warnings } = request;
  const { name, spec, project } = extra;
  let manifest: JsonObject;
  try {
    ({ manifest } = await registry.choose(name, { spec, project, before }));
  } catch (thrown) {
    const absent =
      thrown instanceof XError && ['PACKAGE_NOT_FOUND', 'VERSION_NOT_FOUND'].includes(thrown.code);
    if (!absent) throw thrown;
    if (extra.missing !== undefined) {
      warnings.add(`${extra.missing} is not carried: ${thrown.message}`);
    }
    return undefined;
  }
  const version = String(manifest['version']);
  const targets = fitting(extra.targets, manifest, request);
  if (!isVersion(version) || targets.length === 0) return undefined;
  const purl = npmPurl(name, version);
  const entry = selected.get(purl) ?? newEntry(purl, name, version, project);
  selected.set(purl, entry);
  for (const target of targets) entry.targets.add(target);
  entry.asked ||= extra.by.length === 0;
  if (extra.sha512 !== undefined) {
    entry.integrities.add(`sha512-${Buffer.from(extra.sha512, 'hex').toString('base64')}`);
  }
  for (const user of extra.by) {
    user.requires.add(purl);
    entry.requiredBy.add(user.purl);
  }
  return manifest;
}

function fitting(ids: string[], manifest: JsonObject, { targets }: ExtrasRequest): string[] {
  const { os, cpu, libc } = manifest;
  const node = { os: list(os), cpu: list(cpu), libc: list(libc) };
  const unfit = targets.filter((target) => !fitsPlatform(node, platformOf(target)));
  return ids.filter((id) => !unfit.some((target) => formatTarget(target) === id));
}

function newEntry(
  purl: string,
  name: string,
  version: string,
  folder: string | undefined,
): Selected {
  return {
    purl,
    name,
    version,
    folder,
    foreign: undefined,
    installedAs: new Set(),
    integrities: new Set(),
    asked: false,
    requires: new Set(),
    requiredBy: new Set(),
    targets: new Set(),
    overrides: {},
  };
}
