import { messageOf, XError } from '../../../domain/errors.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import type { NpmTree } from '../../../ports/npm-registry.js';
import type { JsonObject } from '../../../domain/plan.js';
import semver from 'semver';
import { isObject, strings } from '../json.js';
import { addressKind } from './address.js';
import { placeOf } from './check-npm-lock.js';
import { LockedTree } from './locked-tree.js';
import { readBerry } from './yarn-berry.js';
import { askedOf, partsOf, Patterns, type LockedProject, type YarnTable } from './yarn-patterns.js';

const WRITTEN_ANEW = 'Run "yarn install" where the project is developed, which writes it anew.';

/**
 * Reads the two forms of yarn.lock with Yarn's own parser.
 * @throws XError INPUT_MALFORMED.
 */
export async function readYarnLock(file: InputFile, project: LockedProject): Promise<NpmTree> {
  // Only who has a yarn.lock pays for Yarn's parsers.
  const { parseSyml } = await import('@yarnpkg/parsers');
  let parsed: unknown;
  try {
    parsed = parseSyml(file.text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const { location } = cause as { location?: { start?: { line?: number } } };
    const place = location?.start?.line ?? /line (\d+)/.exec(messageOf(cause))?.[1];
    const reason = messageOf(cause).split('\n')[0]?.slice(0, 300) ?? '';
    throw new XError(
      'INPUT_MALFORMED',
      `${file.path}${place === undefined ? '' : `:${place}:1`}: no yarn.lock: ${reason}`,
      {
        hint: /^<{7}|^>{7}/m.test(file.text)
          ? 'It has merge conflict markers: run "yarn install", which resolves them.'
          : WRITTEN_ANEW,
        cause,
      },
    );
  }
  const table: YarnTable = Object.create(null) as YarnTable;
  for (const [key, value] of Object.entries(isObject(parsed) ? parsed : {})) {
    if (!isObject(value)) {
      throw new XError(
        'INPUT_MALFORMED',
        `${placeOf(file, key)}: no entry of a yarn.lock: ${key.slice(0, 200)}`,
        {
          hint: WRITTEN_ANEW,
        },
      );
    }
    table[key] = value;
  }
  const metadata = table['__metadata'];
  delete table['__metadata'];
  return metadata === undefined
    ? readClassic(file, table, project)
    : readBerry(file, table, project);
}

/** An alias's real name: `npm:lodash@^3`; undefined for a plain range. */
export function aliased(spec: string): string | undefined {
  const text = spec.startsWith('npm:') ? spec.slice(4) : undefined;
  if (text === undefined || text.indexOf('@', 1) < 0) {
    return text !== undefined && /^@?[a-z]/i.test(text) && semver.validRange(text) === null
      ? text
      : undefined;
  }
  return partsOf(text).name;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** @see https://classic.yarnpkg.com/lang/en/docs/yarn-lock/ */
function readClassic(file: InputFile, table: YarnTable, project: LockedProject): NpmTree {
  const tree = new LockedTree(file.path, 'yarn');
  const patterns = new Patterns(project.manifest?.['resolutions'], 'classic');
  for (const [key, entry] of Object.entries(table)) {
    const asked = key.split(/,\s*/).map(unquoted);
    const [first = key] = asked;
    const { name, spec } = partsOf(first);
    const version = text(entry['version']) ?? '';
    const resolved = text(entry['resolved']);
    const kind = addressKind(spec);
    if (kind === 'local') {
      tree.addLocal({ id: key, name, version }, first, spec.replace(/^[a-z]+:/, ''));
    } else if (kind !== undefined) {
      const address = resolved === undefined ? spec : withoutShasum(resolved, kind);
      tree.add({
        id: key,
        name,
        version,
        kind: 'remote',
        address,
        integrity: text(entry['integrity']),
      });
    } else {
      tree.add({
        id: key,
        name: aliased(spec) ?? name,
        version,
        kind: 'registry',
        integrity: text(entry['integrity']) ?? shasumOf(resolved),
      });
    }
    for (const pattern of asked) patterns.add(pattern, key, version);
  }
  for (const [key, entry] of Object.entries(table)) {
    for (const [type, field] of [
      ['prod', 'dependencies'],
      ['optional', 'optionalDependencies'],
    ] as const) {
      const from = { name: partsOf(unquoted(key)).name, version: text(entry['version']) ?? '' };
      for (const [name, spec] of Object.entries(strings(jsonOf(entry[field])))) {
        const found = patterns.find(name, [spec], from);
        for (const to of found.length === 0 ? [undefined] : found) {
          tree.connect(key, { name, type, spec, to });
        }
      }
    }
  }
  connectProject(tree, project, patterns, Object.keys(table));
  return { ...tree.finish(), everyPlatform: true };
}

function unquoted(pattern: string): string {
  return pattern.trim().replace(/^"(.*)"$/, '$1');
}

/** Yarn 1 writes `#sha1` behind a tarball's address; behind a git address it is the commit. */
export function withoutShasum(resolved: string, kind: 'remote' | 'git'): string {
  return kind === 'remote' || /^https:\/\/codeload\./.test(resolved)
    ? resolved.replace(/#[0-9a-f]{40}$/, '')
    : resolved;
}

/** The sha1 behind an address, as Subresource Integrity: for lockfiles older than `integrity`. */
function shasumOf(resolved: string | undefined): string | undefined {
  const sha1 = /#([0-9a-f]{40})$/.exec(resolved ?? '')?.[1];
  return sha1 === undefined ? undefined : `sha1-${Buffer.from(sha1, 'hex').toString('base64')}`;
}

/** The project's own dependencies, its workspaces' too; without a package.json, everything that is locked. */
function connectProject(
  tree: LockedTree,
  project: LockedProject,
  patterns: Patterns,
  keys: readonly string[],
): void {
  const { manifest, folders } = project;
  if (manifest === undefined) {
    tree.warn('there is no package.json beside it, so everything that is locked is carried');
    for (const id of keys) {
      if (tree.has(id)) tree.connect('', { name: id, type: 'prod', spec: '*', to: id });
    }
    return;
  }
  const own = new Map<string, string>();
  for (const { path, manifest: workspace } of folders) {
    const id = `workspace:${path}`;
    const name = text(workspace['name']) ?? path;
    own.set(name, id);
    tree.add({ id, name, version: text(workspace['version']) ?? '0.0.0', kind: 'folder' });
    tree.connect('', { name, type: 'workspace', spec: '*', to: id });
  }
  const members: [string, JsonObject][] = [
    ['', manifest],
    ...folders.map((folder): [string, JsonObject] => [`workspace:${folder.path}`, folder.manifest]),
  ];
  for (const [from, asking] of members) {
    const asker = { name: text(asking['name']) ?? '', version: text(asking['version']) ?? '' };
    for (const { name, type, spec } of askedOf(asking)) {
      if (addressKind(spec) === 'local') continue;
      const found = patterns.find(name, [spec], asker);
      for (const to of found.length === 0 ? [own.get(name)] : found) {
        tree.connect(from, { name, type, spec, to });
      }
    }
  }
}

/** The parser's answer is plain JSON: strings and tables of them. */
function jsonOf(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}
