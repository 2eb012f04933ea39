import { join } from 'node:path';
import semver from 'semver';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { Report } from '../ports/progress.js';
import type { RuntimeArchive, RuntimeHome } from '../ports/runtime.js';
import { decodeRuntime, runtimeId, type RuntimeDescription } from '../trust/runtime-file.js';
import { RUNTIME_FILE } from './carry-runtime.js';
import {
  checkRuntimeFiles,
  readRuntime,
  type CheckedRuntime,
  type CheckRuntimeDeps,
} from './check-runtime.js';

export interface UpdateDeps extends CheckRuntimeDeps {
  home: RuntimeHome;
  archive: RuntimeArchive;
  platform: string;
  /** Copies a file, and answers what the copy is. */
  copy(from: string, to: string): Promise<{ lengthBytes: number; sha256: Sha256 }>;
  writeSynced(path: string, bytes: Uint8Array): Promise<void>;
  report: Report;
}

export interface UpdateRequest {
  /** A medium's folder, or a runtime's own. */
  from: string;
  /** Whose runtimes are taken: sources that are known here. */
  trusted: ReadonlySet<Did>;
}

export interface UpdateResult {
  outcome: 'updated' | 'same';
  before: RuntimeDescription;
  now: RuntimeDescription;
}

/**
 * Replaces the x that is installed here by a newer one from a medium. The old one stays whole until
 * the new one was checked, unpacked, flushed and started once; then one step makes it the one that
 * runs. Whatever goes wrong before leaves everything as it was.
 * @throws XError INPUT_NOT_FOUND, INPUT_MALFORMED; SIGNATURE_INVALID, UNKNOWN_SOURCE, DIGEST_MISMATCH;
 *   ROLLBACK for an older one; RUNTIME_UNSUITED for another platform, or one that does not start;
 *   DISK_FULL, IO_FAILED.
 */
export async function updateRuntime(
  deps: UpdateDeps,
  { from, trusted }: UpdateRequest,
): Promise<UpdateResult> {
  const { home } = deps;
  const found = await readRuntime(deps, from);
  if (found === undefined) {
    throw new XError('INPUT_NOT_FOUND', `there is no runtime in ${from}`, {
      hint: 'A source writes one beside the volumes: x export NAME --to DIR --with-runtime.',
    });
  }
  const { description } = found;
  if (!trusted.has(description.source)) {
    throw new XError('UNKNOWN_SOURCE', `${found.folder} is signed by ${description.source}`, {
      hint: 'Nothing here trusts it: compare the DID with the source’s operator, then say --trust DID.',
    });
  }
  const current = await home.current();
  const before = decodeRuntime(current.description, `${home.folder}: ${RUNTIME_FILE}`);
  requirePlatform(description, deps.platform);
  if (runtimeId(description) === current.id) return { outcome: 'same', before, now: description };
  requireNewer(description, before);
  await checkRuntimeFiles(deps, found);
  await install(deps, found);
  return { outcome: 'updated', before, now: description };
}

/**
 * Makes the x that ran before the one that runs.
 * @throws XError USAGE where there is none.
 */
export async function rollBackRuntime(home: RuntimeHome): Promise<{ from: string; to: string }> {
  const to = await home.previous();
  const { id: from } = await home.current();
  if (to === undefined || !(await home.holds(to))) {
    throw new XError('USAGE', `there is no x in ${home.folder} to go back to`, {
      hint: 'x self update DIR keeps the one that it replaces.',
    });
  }
  await home.select(to);
  return { from, to };
}

function requirePlatform({ platform }: RuntimeDescription, own: string): void {
  if (platform === own) return;
  throw new XError('RUNTIME_UNSUITED', `this runtime is for ${platform}; here it is ${own}`, {
    hint: 'Have it exported with --with-runtime on a machine like this one.',
  });
}

/** By version, and of one version by when it was made. */
export function isNewer(offered: RuntimeDescription, installed: RuntimeDescription): boolean {
  if (semver.valid(offered.version) === null) return false;
  const order =
    semver.compare(offered.version, installed.version) ||
    Date.parse(offered.createdAt) - Date.parse(installed.createdAt);
  return order > 0;
}

function requireNewer(offered: RuntimeDescription, installed: RuntimeDescription): void {
  if (semver.valid(offered.version) === null) {
    throw new XError('METADATA_INVALID', `"${offered.version}" is no version of x`, {
      hint: 'Have it exported again.',
    });
  }
  if (isNewer(offered, installed)) return;
  throw new XError(
    'ROLLBACK',
    `x ${offered.version} of ${offered.createdAt} is older than what is installed, ${installed.version} of ${installed.createdAt}`,
    {
      hint: 'x self rollback goes back to the one before; an older one is never taken from a medium.',
    },
  );
}

async function install(deps: UpdateDeps, found: CheckedRuntime): Promise<void> {
  const { home, report } = deps;
  const { description, path } = found;
  const id = runtimeId(description);
  if (!(await home.holds(id))) {
    report({ event: 'step', text: `Unpacking x ${description.version}…` });
    const fresh = await home.begin();
    try {
      await unpackChecked(deps, description, path, fresh);
      await deps.writeSynced(join(fresh, RUNTIME_FILE), found.signed);
      const started = await home.versionOf(fresh);
      if (started !== description.version) {
        throw new XError(
          'METADATA_INVALID',
          `the runtime is signed as x ${description.version}, and says that it is ${started}`,
          { hint: 'Have it exported again. The installed x is as it was.' },
        );
      }
      await home.keep(fresh, id);
    } finally {
      await home.drop(fresh);
    }
  }
  await home.select(id);
  await home.prune();
}

/** A medium may answer otherwise the second time: what is unpacked is a copy that was checked. */
async function unpackChecked(
  { archive, copy }: UpdateDeps,
  description: RuntimeDescription,
  path: string,
  fresh: string,
): Promise<void> {
  const local = `${fresh}.archive`;
  const copied = await copy(path, local);
  if (copied.sha256 !== description.archive.sha256) {
    throw new XError('DIGEST_MISMATCH', `${path} is not what was signed`, {
      hint: 'The medium answers differently each time: take another one.',
    });
  }
  await archive.unpack(local, fresh);
}
