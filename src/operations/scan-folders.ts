import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import type { WalkFolder } from '../ports/folder-walk.js';
import type { Marked, MarkedFiles, MarkRequest } from '../ports/marked-files.js';
import { scanCandidate } from './scan-candidates.js';

export interface ScanProblem {
  path: string;
  reason: string;
}

/** How far a scan is. */
export interface ScanProgress {
  /** Names looked at. */
  looked: number;
  /** Package files that are marked, whenever they were read. */
  marked: Marked;
  /** Those of them that had to be read now. */
  read: Marked;
  problems: number;
}

export interface ScanResult extends ScanProgress {
  folders: ({ path: string } & Marked)[];
  /** Symbolic links, devices, pipes, sockets and this program's own folder. */
  passedOver: number;
  /** Marks of files that are not there any more. */
  forgotten: Marked;
  /** The first BOUNDS.scanProblems of them; `problems` counts all. */
  problemList: ScanProblem[];
}

export interface ScanDeps {
  marked: Pick<MarkedFiles, 'mark' | 'forgetMissing'>;
  walk: WalkFolder;
  /** Told at once. */
  onProblem: (problem: ScanProblem) => void;
  onProgress: (progress: ScanProgress) => void;
}

export interface ScanInput {
  /** Absolute. */
  folders: readonly string[];
  /** Folders that are not entered. */
  except: ReadonlySet<string>;
  signal: AbortSignal;
}

/**
 * Marks every package file in and below some folders: by digest, where it lies. What was marked there
 * and is gone is forgotten. A file that cannot be read keeps no other from being marked.
 * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE of a folder; LIMIT_EXCEEDED; the signal's reason.
 */
export async function scanFolders(deps: ScanDeps, input: ScanInput): Promise<ScanResult> {
  const scan = new Scan(deps, input.signal);
  for (const folder of input.folders) await scan.run(folder, input.except);
  return scan.result;
}

class Scan {
  readonly #deps: ScanDeps;
  readonly #signal: AbortSignal;
  readonly result: ScanResult = {
    looked: 0,
    marked: { files: 0, bytes: 0 },
    read: { files: 0, bytes: 0 },
    folders: [],
    passedOver: 0,
    forgotten: { files: 0, bytes: 0 },
    problems: 0,
    problemList: [],
  };

  constructor(deps: ScanDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  async run(folder: string, except: ReadonlySet<string>): Promise<void> {
    const queue = new PQueue({ concurrency: BOUNDS.parallelScans });
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#signal, failed.signal]);
    const before = { ...this.result.marked };
    const options = { depth: BOUNDS.scanDepth, entries: BOUNDS.scanEntries, except, signal };
    try {
      for await (const met of this.#deps.walk(folder, options)) {
        this.result.looked += 1;
        if (met.kind === 'problem') this.#problem(met.path, met.reason);
        else if (met.kind === 'passed-over') this.result.passedOver += 1;
        else {
          const candidate = scanCandidate(met.path);
          if (candidate === undefined) continue;
          // No more wait than are worked on: a folder may have millions.
          await queue.onSizeLessThan(BOUNDS.parallelScans);
          // The first failure stops the walk; it is thrown below.
          queue.add(() => this.#mark(candidate, signal)).catch((error) => failed.abort(error));
        }
        this.#deps.onProgress(this.result);
      }
    } finally {
      await queue.onIdle();
    }
    signal.throwIfAborted();
    add(this.result.forgotten, await this.#deps.marked.forgetMissing(folder));
    const { files, bytes } = this.result.marked;
    const found = { files: files - before.files, bytes: bytes - before.bytes };
    this.result.folders.push({ path: folder, ...found });
  }

  async #mark(candidate: MarkRequest, signal: AbortSignal): Promise<void> {
    const verdict = await this.#deps.marked.mark(candidate, signal);
    if (verdict.kind === 'refused') this.#problem(candidate.path, verdict.reason);
    if (verdict.kind !== 'marked') return;
    const one = { files: 1, bytes: verdict.blob.lengthBytes };
    add(this.result.marked, one);
    if (verdict.isRead) add(this.result.read, one);
    this.#deps.onProgress(this.result);
  }

  #problem(path: string, reason: string): void {
    this.result.problems += 1;
    if (this.result.problems > BOUNDS.scanProblems) return;
    this.result.problemList.push({ path, reason });
    this.#deps.onProblem({ path, reason });
  }
}

function add(sum: Marked, more: Marked): void {
  sum.files += more.files;
  sum.bytes += more.bytes;
}
