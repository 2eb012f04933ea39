import { existsSync } from 'node:fs';
import { ZipVolumeReader } from '../archive/zip-reader.js';
import type { Settings } from '../config/settings.js';
import { XError } from '../domain/errors.js';
import {
  verifyBundle,
  type ArtifactVerdict,
  type VerifyResult,
} from '../operations/verify-bundle.js';
import { checkRuntimeFiles, readRuntime } from '../operations/check-runtime.js';
import { systemClock } from '../platform/clock.js';
import { createServers } from './ecosystem-servers.js';
import { createHeldView, nobodyToAsk } from './held-view.js';
import { openData, type DataFolder } from './open-data.js';
import { table, type Printer } from './printer.js';
import { checkRuntimeDeps } from './runtime-files.js';
import type { RuntimeDescription } from '../trust/runtime-file.js';

export interface VerifyInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** A bundle's name, or the path of volumes. */
  what: string;
}

/** `x verify`: every signature, every byte, every publisher's proof. Throws where anything does not hold. */
export async function runVerify(input: VerifyInput): Promise<void> {
  const { printer, settings } = input;
  const data = await openData(settings.folder, (message) =>
    printer.report({ event: 'warning', message }),
  );
  try {
    const result = await verifyBundle(
      {
        store: data.store,
        catalog: data.catalog,
        clock: systemClock,
        reader: new ZipVolumeReader(),
        servers: createServers(),
        view: createHeldView(data.catalog, data.store, nobodyToAsk),
        report: printer.report,
      },
      { what: isBundle(data, input.what) ? { bundle: input.what } : { paths: [input.what] } },
    );
    for (const message of result.warnings) printer.report({ event: 'warning', message });
    const runtime = isBundle(data, input.what) ? undefined : await verifyRuntime(input.what);
    printer.document({ ...result, ...(runtime && { runtime }) }, [
      ...linesOf(result),
      ...(runtime === undefined ? [] : [runtimeLine(runtime)]),
    ]);
    const areVolumes = !isBundle(data, input.what);
    if (!result.ok) throw notTrusted(result, areVolumes);
    if (!result.complete) {
      const message = `${input.what}: what is here holds, but not everything that is signed is here`;
      const hint = areVolumes
        ? volumesHint(result)
        : 'Bring the rest with `x client --master HOST` or `x import PATH`.';
      throw new XError('INCOMPLETE', message, { hint });
    }
  } finally {
    await data.close();
  }
}

/** What starts x beside volumes, held against its own signature. @throws XError where it does not hold. */
async function verifyRuntime(where: string): Promise<RuntimeDescription | undefined> {
  const found = await readRuntime(checkRuntimeDeps, where);
  if (found !== undefined) await checkRuntimeFiles(checkRuntimeDeps, found);
  return found?.description;
}

function runtimeLine({ version, platform, source, createdAt }: RuntimeDescription): string {
  return `runtime x ${version} for ${platform}: whole, signed ${createdAt} by ${source}`;
}

/** A name that is held is a bundle; anything else that exists on disk is volumes; the rest is a mistyped name. */
function isBundle(data: DataFolder, what: string): boolean {
  const held = data.catalog.bundles().some(({ id, name }) => id === what || name === what);
  return held || !existsSync(what);
}

function linesOf(result: VerifyResult): string[] {
  const bundles = result.bundles.map(
    ({ record, state, isPinned }) =>
      `bundle ${record.name}, version ${record.version}: signed ${record.signedAt} by ${record.source}${isPinned ? '' : ' (a source this machine does not know)'}${state === 'fresh' ? '' : `; ${state}`}`,
  );
  const packages = result.artifacts.filter(
    ({ purl, content }) => purl !== undefined || content !== 'whole',
  );
  const rows = packages.map((artifact) => [
    artifact.path,
    artifact.content,
    artifact.proof?.verdict ?? '',
    artifact.proof?.note ?? '',
  ]);
  const problems = result.problems.map(problemLine);
  return [
    ...bundles,
    ...(rows.length === 0 ? [] : table([['file', 'content', 'proof', 'publisher'], ...rows])),
    summaryOf(result),
    ...problems,
  ];
}

function problemLine({ where, message }: VerifyResult['problems'][number]): string {
  return message.startsWith(where) ? message : `${where}: ${message}`;
}

function summaryOf({ artifacts }: VerifyResult): string {
  const count = (fits: (artifact: ArtifactVerdict) => boolean): number =>
    artifacts.filter(fits).length;
  const carried = count(
    ({ proof }) => proof?.verdict === 'carried' && proof.proof !== 'index-hash',
  );
  const parts = [
    `${count(({ content }) => content === 'whole')} of ${artifacts.length} files whole`,
    `${count(({ proof }) => proof?.verdict === 'holds')} proved by their publisher`,
    `${count(({ proof }) => proof?.proof === 'index-hash')} by their index's word to the source alone`,
  ];
  if (carried > 0) {
    parts.push(`${carried} with evidence that this machine has no anchor for, or not at hand`);
  }
  return parts.join(', ');
}

/** What to do where volumes lack something. */
function volumesHint({ bundles }: VerifyResult): string {
  const names = [...new Set(bundles.flatMap(({ missingIn }) => missingIn))];
  const listed = `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
  const where = names.length === 0 ? '' : `The rest is in ${listed}. `;
  const hasParity = bundles.some(({ parityVolumes }) => parityVolumes > 0);
  const rebuild = hasParity ? ', unless `x import` can rebuild it from the parity volumes' : '';
  return `${where}Copy what is missing or damaged again, or export it again${rebuild}.`;
}

function notTrusted(result: VerifyResult, areVolumes: boolean): XError {
  const bad = [
    ...result.artifacts
      .filter(({ content }) => content === 'damaged')
      .map(({ path }) => `${path} is damaged`),
    ...result.artifacts
      .filter(({ proof }) => proof?.verdict === 'broken')
      .map(({ path, proof }) => `${path}: ${proof?.note ?? 'its proof is broken'}`),
    ...result.problems.map(problemLine),
  ];
  return new XError(
    'DIGEST_MISMATCH',
    `not trustworthy: ${bad.slice(0, 5).join('; ')}${bad.length > 5 ? `; and ${bad.length - 5} more` : ''}`,
    {
      hint:
        result.bundles.length === 0
          ? 'A volume is a *.x.zip file that x export wrote: copy it again, or export it again.'
          : areVolumes
            ? volumesHint(result)
            : 'Damaged copies are dropped here; `x client --master HOST` or `x import PATH` brings honest ones.',
    },
  );
}
