import { sha256 } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { JsonObject } from '../../domain/plan.js';
import type { NpmForeign, NpmRegistry, NpmTree, NpmTreeNode } from '../../ports/npm-registry.js';
import { strings } from './json.js';
import { addressKind } from './locks/address.js';
import { isPackageName, isVersion } from './names.js';
import { DEPENDENCY_FIELDS, type NpmProject } from './project.js';

/** Scripts that npm runs in a checkout before it packs it. */
const PREPARING = ['prepublish', 'prepack', 'preprepare', 'prepare', 'postprepare'];

/** Prepare steps that change nothing in what is packed: git hooks, patches of a developer's machine. */
const CHANGES_NOTHING =
  /^(?:(?:is-ci \|\| |\[ -n "?\$CI"? \] \|\| |node -e .* \|\| )?(?:husky(?: install(?: \S+)?)?|lefthook install|simple-git-hooks|lint-staged|yorkie)|exit 0|true|:|echo [^&|;<>]*)(?: \|\| (?:true|exit 0|:))?$/;

/** A repository's tree as a hosting service packs it: nothing was prepared in it. */
const HOSTED_ARCHIVE =
  /^https:\/\/(?:codeload\.github\.com\/|github\.com\/[^/]+\/[^/]+\/(?:archive|tarball)\/|gitlab\.com\/.*\/archive[./]|bitbucket\.org\/[^/]+\/[^/]+\/get\/)/;

/**
 * Brings what a tree takes from elsewhere than a registry, for the nodes that a target gets, and names
 * the nodes as the packages name themselves.
 * @param included ids of the nodes that some target gets.
 * @throws XError NOT_RESOLVABLE for what has to be prepared by its own scripts, and for local files.
 */
export async function bringForeign(
  tree: NpmTree,
  included: ReadonlySet<string>,
  registry: Pick<NpmRegistry, 'foreign'>,
  project: { label: string; folder: string | undefined },
): Promise<Map<string, NpmForeign>> {
  const brought = new Map<string, NpmForeign>();
  await Promise.all(
    tree.nodes.map(async (node) => {
      if (node.kind !== 'other' || !included.has(node.id)) return;
      const address = node.resolved ?? '';
      const kind = addressKind(address);
      if (kind === 'local') return;
      if (kind === undefined) throw fromNowhere(node, project.label);
      const foreign = await registry.foreign({
        kind,
        address,
        project: project.folder,
        // What npm locks of a commit is what it packed itself, with another version of its packer.
        integrity: kind === 'remote' ? node.integrity : undefined,
      });
      refusePrepared(node.name, foreign, project.label);
      const { name, version } = foreign.manifest;
      if (typeof name === 'string' && isPackageName(name)) node.name = name;
      if (typeof version === 'string' && isVersion(version)) node.version = version;
      // npm takes a package without a version from anywhere but a registry.
      else if (!isVersion(node.version)) node.version = '0.0.0';
      brought.set(node.id, foreign);
    }),
  );
  return brought;
}

/** @throws XError NOT_RESOLVABLE for a repository that npm would run scripts in before it packs it. */
export function refusePrepared(name: string, foreign: NpmForeign, label: string): void {
  if (foreign.kind === 'remote' && !HOSTED_ARCHIVE.test(foreign.address)) return;
  const scripts = strings(foreign.manifest['scripts']);
  const step = PREPARING.find(
    (event) => scripts[event] !== undefined && !CHANGES_NOTHING.test(scripts[event].trim()),
  );
  if (step === undefined) return;
  throw new XError(
    'NOT_RESOLVABLE',
    `npm: ${label}: ${name} (${foreign.address}) has to be built before it is packed, by its "${step}" script (${scripts[step]?.slice(0, 200)}), and X runs no code of a package`,
    {
      hint: 'Depend on a published version; or run "npm pack" in a checkout where its scripts may run, put the tarball on a web server, and depend on its address.',
    },
  );
}

/** What a project itself, and its folders, ask for by an address. */
export function foreignAsked({
  manifest,
  folders,
}: NpmProject): { name: string; kind: 'git' | 'remote'; address: string }[] {
  return [manifest, ...folders.map((folder) => folder.manifest)].flatMap((table) =>
    DEPENDENCY_FIELDS.flatMap((field) =>
      Object.entries(strings(table[field])).flatMap(([name, address]) => {
        const kind = addressKind(address);
        return kind === 'git' || kind === 'remote' ? [{ name, kind, address }] : [];
      }),
    ),
  );
}

function fromNowhere(node: NpmTreeNode, label: string): XError {
  return new XError(
    'NOT_RESOLVABLE',
    `npm: ${label}: ${node.name} comes from ${node.resolved ?? 'no registry'}, which X cannot fetch`,
    { hint: 'Depend on a published version, a tarball’s http address, or a git address.' },
  );
}

/** What its tarball is called: like a published one's, with a mark of where it came from. */
export function foreignFile(name: string, version: string, address: string): string {
  const commit = /#([0-9a-f]{40})/.exec(address)?.[1];
  const mark = (commit ?? sha256(Buffer.from(address))).slice(0, 12);
  return `${name.slice(name.indexOf('/') + 1)}-${version}-${mark}.tgz`;
}

/** Where an artifact came from, where that is no registry. */
export function foreignAddress(detail: JsonObject | undefined): string | undefined {
  const address = detail?.['address'];
  return typeof address === 'string' ? address : undefined;
}
