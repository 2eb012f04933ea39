import { posix } from 'node:path';
import { inputPaths } from './input-paths.js';
import type { Inputs } from './read-inputs.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { EcosystemSource, FetchedArtifact, Sealed } from '../ports/ecosystem.js';
import type { Report } from '../ports/progress.js';
import type { Store } from '../ports/store.js';
import type { MembersRule } from '../domain/membership.js';
import { formatTarget, type Target } from '../domain/target.js';
import type { Identity } from '../trust/identity.js';
import { revokedSerials, type InviteBook } from '../trust/invites.js';
import { topLevelOf } from '../trust/masters.js';
import { membersExtra, readMembersRule } from '../trust/members-rule.js';
import { buildBundle, type BundleInput } from './build-bundle.js';

export interface SealBundleDeps {
  store: Store;
  catalog: Catalog;
  clock: Clock;
  report: Report;
  identity: Identity;
  signer?: Identity | undefined;
  sources: readonly EcosystemSource[];
}

export interface SealBundleInput {
  name: string;
  artifacts: readonly FetchedArtifact[];
  inputs: Inputs;
  targets: Target[];
  members: {
    /** Whether the bundle is for members only; undefined: as it was published last. */
    only: boolean | undefined;
    book: InviteBook;
  };
}

export interface SealedBundle {
  record: BundleRecord;
  /** False where the bundle is what was signed last. */
  changed: boolean;
  isForMembers: boolean;
  warnings: string[];
}

/** The gateway's address in the rewritten inputs that a bundle carries; `x run` puts the real one in its place. */
export const GATEWAY_PLACEHOLDER = 'http://127.0.0.1:8470';

/**
 * From held artifacts to a signed bundle: each ecosystem checks its publishers' evidence, proves the
 * closure over the bytes and writes its documents; then everything is signed at once.
 */
export async function sealBundle(
  deps: SealBundleDeps,
  input: SealBundleInput,
): Promise<SealedBundle> {
  const now = deps.clock.now();
  const sealed: Sealed[] = [];
  for (const source of deps.sources) {
    const artifacts = input.artifacts.filter(({ artifact }) => artifact.ecosystem === source.name);
    if (artifacts.length === 0) continue;
    sealed.push(
      await source.seal({
        bundle: input.name,
        artifacts,
        targets: input.targets,
        store: deps.store,
        now,
        report: deps.report,
      }),
    );
  }
  const rule = publishedRule(deps.catalog, input.name);
  const { only = rule !== undefined, book } = input.members;
  const built = await buildBundle(deps, {
    name: input.name,
    artifacts: input.artifacts,
    sealed,
    inputs: await bundleInputs(deps.sources, input.inputs),
    targets: input.targets.map(formatTarget),
    extra: only ? membersExtra(revokedSerials(book, now, rule?.revoked)) : undefined,
  });
  const { record, changed } = built;
  return {
    record,
    changed,
    isForMembers: only,
    warnings: built.warnings,
  };
}

/** What is for members stays so until somebody says otherwise. */
function publishedRule(catalog: Catalog, name: string): MembersRule | undefined {
  const record = catalog.bundles().find((one) => one.name === name && one.role === 'source');
  const published = record && topLevelOf(catalog.metadata(record.id));
  return published && readMembersRule(published.extra);
}

/** The files that the bundle was made from, and the copies whose addresses point at a gateway. */
function bundleInputs(
  sources: readonly EcosystemSource[],
  { files }: Inputs,
): Promise<BundleInput[]> {
  const places = inputPaths(files.map(({ path }) => path));
  const fetched = new Map(files.map(({ address }, at) => [address, places[at] ?? '']));
  return Promise.all(
    files.map(async (file, at) => {
      const claimed = sources.find((source) =>
        file.address === undefined ? source.claims(file) : source.claimsFetched?.(file),
      );
      const besideOf = (address: string): string | undefined => {
        const place = fetched.get(address);
        return place && posix.relative(posix.dirname(places[at] ?? ''), place);
      };
      const rewritten = await claimed?.rewriteInput(file, GATEWAY_PLACEHOLDER, besideOf);
      return { path: file.path, text: file.text, rewritten: rewritten?.text };
    }),
  );
}
