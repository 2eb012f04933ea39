import type { Settings } from '../config/settings.js';
import { parseNotNewerThan } from '../domain/age-gate.js';
import { isBundleName, type Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import { expandTargets, type TargetFlags } from '../domain/expand-targets.js';
import type { Plan } from '../domain/plan.js';
import type { MachineRequest } from '../domain/request.js';
import { parseTarget, type Target } from '../domain/target.js';
import { planBundle } from '../operations/plan-bundle.js';
import { planWithWishes } from '../operations/plan-with-wishes.js';
import { readInputs, type Inputs } from '../operations/read-inputs.js';
import { wishedFile } from '../operations/wished-file.js';
import { systemClock } from '../platform/clock.js';
import { detectHostTarget } from '../platform/host.js';
import { acquireLock } from '../platform/lock.js';
import type { InputFile } from '../ports/ecosystem.js';
import type { Report } from '../ports/progress.js';
import {
  openSources,
  type DebianFlags,
  type OpenSources,
  type PythonFlags,
} from './ecosystem-sources.js';
import { bundleNameOf } from './input-files.js';
import { openData, type DataFolder } from './open-data.js';
import { countsOf, planDocument, planLines } from './plan-view.js';
import type { Printer } from './printer.js';
import { limitsOf } from './rates.js';
import { checkExportFolder } from './export-folder.js';
import { volumeSizeOf } from './sizes.js';
import { beginToJoin } from './source-swarm.js';
import { trustedForIndexes } from './trusted-for-indexes.js';
import { stopSignal } from './until-stopped.js';
import { warnOnce } from './warn-once.js';

export interface SourceInput {
  settings: Settings & { folder: string };
  printer: Printer;
  files: string[];
  name: string | undefined;
  dryRun: boolean;
  /** Whether the bundle is for members only; undefined: as it was signed last. */
  members: boolean | undefined;
  once: boolean;
  exportTo: string | undefined;
  /** So many volumes may be lost or torn. */
  parity: number | undefined;
  /** What starts x goes with the volumes. */
  withRuntime: boolean;
  volumeSize: string | undefined;
  /** A request file, a DID, or a name. */
  for: string | undefined;
  trust: Did | undefined;
  /** Whether what the request's machine asked for in vain is resolved too. */
  wishes: boolean;
  targets: TargetFlags;
  dev: boolean | undefined;
  publicIndexes: string[];
  /** Files and folders in the OSV format. */
  advisories: string[];
  /** As `--not-newer-than` is written. */
  notNewerThan: string | undefined;
  python: PythonFlags;
  debian: DebianFlags;
  /** The public network that is asked for public files; undefined: none. */
  network: string | undefined;
  /** Nodes of it to begin at. */
  peers: string[];
}

/** `x source`: resolve, prove, sign, and serve until told to stop. */
export async function runSource(input: SourceInput): Promise<void> {
  const { printer, settings } = input;
  const name = nameOf(input);
  const volumeSizeBytes = volumeSizeOf(input.volumeSize);
  const limits = limitsOf(settings);
  if (input.exportTo !== undefined)
    await checkExportFolder('--export', input.exportTo, printer.report);
  trustedForIndexes(settings);
  const notNewerThan =
    input.notNewerThan === undefined
      ? undefined
      : parseNotNewerThan(input.notNewerThan, systemClock.now());
  // Asked while the data folder opens: starting other programs takes its time.
  const host = input.for === undefined && needsHost(input.targets) ? detectHostTarget() : undefined;
  const lock = input.dryRun ? undefined : await acquireLock(settings.folder, 'source');
  const stop = stopSignal();
  const report = warnOnce(printer.report);
  const closers: (() => Promise<void>)[] =
    lock === undefined ? [] : [() => Promise.resolve(lock.release())];
  try {
    const data = await openData(settings.folder, (message) =>
      printer.report({ event: 'warning', message }),
    );
    closers.unshift(() => data.close());
    // While it plans, it meets others.
    const joining = beginToJoin({ ...input, data, limits, warn: warnOf(report) });
    closers.unshift(() => joining.leave());
    const recipient =
      input.for === undefined
        ? undefined
        : await (
            await import('./recipient.js')
          ).recipientOf(data, printer, { who: input.for, trust: input.trust, resend: false });
    const upstreams = await openSources({
      data,
      request: recipient?.request,
      debian: input.debian,
      python: input.python,
      dev: input.dev,
      publicIndexes: input.publicIndexes,
      advisories: input.advisories,
      report,
      down: limits.down,
      standIns: joining.standIns,
      willSeal: !input.dryRun,
    });
    closers.unshift(() => upstreams.close());
    const sources = upstreams.sources;
    const reading = { sources, readFile: upstreams.readInput, mayAskNothing: input.debian.upgrade };
    const wished = input.wishes ? wishesOf(recipient?.request, sources, report) : undefined;
    const read = (files: readonly string[], wishes: InputFile | undefined) =>
      wishes === undefined
        ? readInputs(reading, files)
        : readInputs({ ...reading, readFile: withFile(wishes, upstreams.readInput) }, [
            ...files,
            wishes.path,
          ]);
    const targets = await targetsOf(input.targets, recipient?.request, host);
    const planning = (told: Report) => (asked: Inputs) =>
      planBundle(
        { sources, clock: systemClock, report: told },
        { name, inputs: asked, targets, notNewerThan, signal: stop.signal },
      ).finally(upstreams.tellStoodIn);
    const { inputs, plan } = await planWithWishes(
      {
        read: (wishes) => read(input.files, wishes),
        readWishes: (wishes) => read([], wishes),
        plan: planning(report),
        tryPlan: planning(() => undefined),
        warn: warnOf(report),
      },
      wished,
    );
    for (const message of plan.warnings) report({ event: 'warning', message });
    if (input.dryRun) {
      printer.document(planDocument(plan, data), planLines(plan));
      return;
    }
    showPlan(printer, plan, data);
    // What follows a plan is loaded by who carries it out.
    const { carryPlan } = await import('./carry-plan.js');
    const record = await carryPlan({
      input,
      report,
      data,
      plan,
      inputs,
      targets,
      upstreams,
      swarm: await joining.met(stop.signal),
      tellNews: await joining.newsOf(plan, printer),
      signal: stop.signal,
    });
    if (input.exportTo !== undefined) {
      const { exportAlong } = await import('./export.js');
      const { exported, lines } = await exportAlong(data, printer, {
        bundle: record.id,
        to: input.exportTo,
        volumeSizeBytes,
        recipient,
        parity: input.parity,
        withRuntime: input.withRuntime,
        signal: stop.signal,
      });
      printer.done();
      const { volumes, leftOut, runtime } = exported;
      printer.event({ event: 'exported', volumes, leftOut, runtime }, lines.join('\n'));
    }
    if (input.once || stop.signal.aborted || !lock) return;
    // libp2p is loaded by who serves alone.
    const { serveSource } = await import('./serve-source.js');
    const { openIdentity } = await import('./open-keys.js');
    await serveSource({
      lock,
      settings,
      printer,
      data,
      identity: await openIdentity(settings.folder),
      signal: stop.signal,
    });
  } finally {
    stop.release();
    for (const close of closers) await close();
  }
}

function warnOf(report: Report): (message: string) => void {
  return (message) => report({ event: 'warning', message });
}

/** @throws XError USAGE where nobody's request is answered. */
function wishesOf(
  request: MachineRequest | undefined,
  sources: Parameters<typeof wishedFile>[1],
  report: Report,
): InputFile | undefined {
  if (request === undefined) {
    throw new XError('USAGE', '--wishes needs a request file in --for', {
      hint: 'Make it on the isolated machine: x request -o FILE.',
    });
  }
  const file = wishedFile(request, sources);
  if (file === undefined)
    report({ event: 'warning', message: 'the request has no wishes: nothing is added' });
  return file;
}

/** A file that lies nowhere, beside those that do. */
function withFile(file: InputFile, readFile: OpenSources['readInput']): OpenSources['readInput'] {
  return (path) => (path === file.path ? Promise.resolve(file) : readFile(path));
}

function nameOf(input: SourceInput): string {
  const name = input.name ?? bundleNameOf(input.files[0] ?? '');
  if (isBundleName(name)) return name;
  throw new XError('USAGE', `"${name}" cannot name a bundle`, {
    hint: 'Use up to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit.',
  });
}

/** Whole targets need nothing of this host. */
function needsHost({ targets, pythons, nodes, platforms, libcs }: TargetFlags): boolean {
  return targets.length === 0 || [...pythons, ...nodes, ...platforms, ...libcs].length > 0;
}

async function targetsOf(
  flags: TargetFlags,
  request: MachineRequest | undefined,
  host: Promise<Target> | undefined,
): Promise<Target[]> {
  if (request !== undefined) return [parseTarget(request.target)];
  return host === undefined ? flags.targets.map(parseTarget) : expandTargets(await host, flags);
}

function showPlan(printer: Printer, plan: Plan, data: DataFolder): void {
  const document = planDocument(plan, data) as Record<string, unknown>;
  printer.event({ event: 'plan', counts: countsOf(plan), ...document }, planLines(plan).join('\n'));
}
