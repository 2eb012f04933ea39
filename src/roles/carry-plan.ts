import type { Plan } from '../domain/plan.js';
import type { Target } from '../domain/target.js';
import { fetchArtifacts, type Fetched } from '../operations/fetch-artifacts.js';
import type { Inputs } from '../operations/read-inputs.js';
import { sealBundle } from '../operations/seal-bundle.js';
import { systemClock } from '../platform/clock.js';
import { systemRandom } from '../platform/random.js';
import type { BundleRecord } from '../ports/catalog.js';
import type { PublicSwarm } from '../ports/public-swarm.js';
import type { Report } from '../ports/progress.js';
import type { OpenSources } from './ecosystem-sources.js';
import type { DataFolder } from './open-data.js';
import { BookFile } from './members-files.js';
import { openIdentity, openSigner } from './open-keys.js';
import { formatBytes } from './printer.js';
import type { SourceInput } from './source.js';
import type { TellNews } from './source-swarm.js';

interface Carry {
  input: SourceInput;
  report: Report;
  data: DataFolder;
  plan: Plan;
  inputs: Inputs;
  targets: Target[];
  upstreams: OpenSources;
  /** The public swarm, where this process is part of it. */
  swarm: PublicSwarm | undefined;
  /** What is new in it is told to others when it is signed. */
  tellNews: TellNews;
  signal: AbortSignal;
}

/** Fetches what a plan names, proves it, and signs the bundle. */
export async function carryPlan({
  input,
  report,
  data,
  plan,
  inputs,
  targets,
  upstreams,
  swarm,
  tellNews,
  signal,
}: Carry): Promise<BundleRecord> {
  const { printer, settings } = input;
  const deps = {
    store: data.store,
    catalog: data.catalog,
    clock: systemClock,
    random: systemRandom,
    report,
  };
  const identity = await openIdentity(settings.folder);
  const signer = await openSigner(settings.folder);
  const { book } = await BookFile.open(settings.folder);
  const fetched = await fetchArtifacts(
    { ...deps, marked: data.marked, upstream: upstreams.upstream, swarm },
    plan.artifacts,
    signal,
  );
  report({ event: 'step', text: 'Checking evidence and closure, then signing' });
  const sealed = await sealBundle(
    { ...deps, identity, signer, sources: upstreams.sources },
    {
      name: plan.name,
      artifacts: fetched.artifacts,
      inputs,
      targets,
      members: { only: input.members, book },
    },
  );
  for (const message of sealed.warnings) report({ event: 'warning', message });
  const { record } = sealed;
  printer.done();
  printer.event(
    {
      event: 'signed',
      bundle: record.name,
      did: record.source,
      version: record.version,
      files: record.entries,
      bytes: record.bytes,
      fetched: fetched.bytesFetched,
      local: fetched.bytesLocal,
      ...(swarm === undefined ? {} : { swarm: fetched.bytesSwarm }),
      changed: sealed.changed,
      members: sealed.isForMembers,
    },
    `${sealed.changed ? 'signed' : 'unchanged:'} bundle "${record.name}", version ${record.version}${sealed.isForMembers ? ', for members only' : ''}: ${record.entries} files, ${formatBytes(record.bytes)} (${fetchedWords(fetched, swarm !== undefined)}${fetched.bytesLocal === 0 ? '' : `, ${formatBytes(fetched.bytesLocal)} marked here`})\n  by ${record.source}`,
  );
  await tellNews(signal);
  return record;
}

/** `12.3 MB fetched`, or `9.0 MB from the swarm, 3.3 MB from the registries`. */
function fetchedWords({ bytesFetched, bytesSwarm }: Fetched, isInSwarm: boolean): string {
  if (!isInSwarm || bytesFetched === 0) return `${formatBytes(bytesFetched)} fetched`;
  const others = Math.max(0, bytesFetched - bytesSwarm);
  return `${formatBytes(bytesSwarm)} from the swarm, ${formatBytes(others)} from the registries`;
}
