import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleDocument } from '../../src/ports/ecosystem.js';
import { parseRelease } from '../../src/ecosystems/debian/release.js';
import { purlOf, type TargetPlan } from '../../src/ecosystems/debian/plan.js';
import { repositoryDocuments, type SealedSuite } from '../../src/ecosystems/debian/repository.js';
import type { RepositorySigner } from '../../src/ecosystems/debian/repository-key.js';
import { writeTree, type Scene } from './debian-scene.js';
import { isolatedApt } from './debian-apt.js';

/**
 * What a real apt would install of a list from a plan's pruned repository alone, on the target's own
 * status: `name_version_architecture`, or what it says where it refuses.
 */
export async function installFromPruned(
  scene: Scene,
  plan: TargetPlan,
  names: readonly string[],
  signer: RepositorySigner,
  options: readonly string[],
): Promise<{ code: number; output: string; installed: string[] }> {
  await using apt = await isolatedApt({
    status: scene.status,
    sources: '',
    architectures: [scene.target.arch, ...(scene.spec.foreign ?? [])],
    root: scene.root,
  });
  const suites = suitesOf(plan);
  const documents = await repositoryDocuments(suites, 'pruned', signer, new Date());
  const repository = join(apt.folder, 'repository');
  // Where all of it is there already, nothing is carried.
  await mkdir(repository);
  await writeTree(
    repository,
    documents.map(({ path, body }) => [strip(path), bytesOf(body)]),
  );
  const inside = join(apt.folderInside, 'repository');
  const lines = suites.map(({ suiteId, stanzas }) => {
    const components = new Set(stanzas.map(({ artifact }) => String(artifact.detail['component'])));
    return `deb [signed-by=${inside}/keyring/pruned.asc check-valid-until=no] file:${inside} ${suiteId} ${[...components].join(' ')}\n`;
  });
  await writeTree(apt.folder, [['sources.list', lines.join('')]]);
  const update = await apt.apt(['update', '-qq']);
  assert.equal(update.code, 0, update.output);
  assert.doesNotMatch(update.output, /^[WE]:/m);
  const command = names.length === 0 ? ['dist-upgrade'] : ['install', ...names];
  const { code, output } = await apt.apt(['-s', '-y', ...options, ...command]);
  await rm(repository, { recursive: true });
  const installed = [
    ...output.matchAll(/^Inst ([^ :]+)(?::\S+)? (?:\[[^\]]*\] )?\((\S+) .*\[(\S+)\]\)/gm),
  ].map(([, name = '', version = '', architecture = '']) => `${name}_${version}_${architecture}`);
  return { code, output, installed: installed.sort() };
}

function strip(path: string): string {
  return path.replace(/^debian\//, '');
}

function bytesOf(body: BundleDocument['body']): Uint8Array {
  assert.ok(body instanceof Uint8Array);
  return body;
}

/** The plan's suites as a seal would have them, with the stanzas that the plan read. */
function suitesOf({ resolution, artifacts }: TargetPlan): SealedSuite[] {
  const versions = new Map(
    [...resolution.added.values()].map((version) => [purlOf(version), version]),
  );
  const bySuite = Map.groupBy(artifacts, ({ detail }) => String(detail['suite']));
  return [...bySuite].map(([suiteId, list]) => {
    const facts = versions.get(list[0]?.purl ?? '')?.indexes[0]?.release;
    assert.ok(facts);
    const { origin, label, suite, codename, version, isNotAutomatic, isButAutomaticUpgrades } =
      facts;
    const fields = {
      Origin: origin,
      Label: label,
      Suite: suite,
      Version: version,
      Codename: codename,
      Date: 'Thu, 01 Jan 2026 00:00:00 UTC',
      NotAutomatic: isNotAutomatic ? 'yes' : undefined,
      ButAutomaticUpgrades: isButAutomaticUpgrades ? 'yes' : undefined,
      SHA256: '',
    };
    const text = Object.entries(fields)
      .flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`]))
      .join('');
    return {
      suiteId,
      release: parseRelease(text, suiteId),
      fingerprint: '',
      sha256: '',
      signatureSha256: undefined,
      stanzas: list.map((artifact) => {
        const stanza = versions.get(artifact.purl);
        assert.ok(stanza);
        return { artifact, sha256: artifact.digests.sha256 ?? '', stanza };
      }),
    };
  });
}
