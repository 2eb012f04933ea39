import { join } from 'node:path';
import type { Did } from '../domain/bundle.js';
import type { RuntimeHome } from '../ports/runtime.js';
import { decodeRuntime, runtimeId, type RuntimeDescription } from '../trust/runtime-file.js';
import { RUNTIME_FILE, RUNTIME_LAUNCHER, RUNTIME_SUMS } from './carry-runtime.js';
import { checkRuntimeFiles, readRuntime, type CheckRuntimeDeps } from './check-runtime.js';
import { isNewer, type UpdateDeps } from './update-runtime.js';

export interface KeepDeps extends CheckRuntimeDeps, Pick<UpdateDeps, 'copy' | 'platform'> {
  home: Pick<RuntimeHome, 'current' | 'folder'>;
  /** An empty folder in the place of whatever was there. */
  makeEmpty(folder: string): Promise<void>;
  /** One folder in the place of another, which may be there. */
  replace(folder: string, by: string): Promise<void>;
}

export interface KeepRequest {
  /** A medium's folder. */
  from: string;
  /** Where it is kept for `x self update`. */
  to: string;
  trusted: ReadonlySet<Did>;
}

/**
 * Keeps the runtime that came with volumes, so that the medium need not come again: where its signer
 * is trusted, it is for this platform, and newer than what is installed and what is kept. Undefined
 * where there is none like that.
 * @throws XError as readRuntime and checkRuntimeFiles; DISK_FULL, IO_FAILED.
 */
export async function keepRuntime(
  deps: KeepDeps,
  { from, to, trusted }: KeepRequest,
): Promise<RuntimeDescription | undefined> {
  const found = await readRuntime(deps, from);
  if (found === undefined) return undefined;
  const { description, folder } = found;
  if (!trusted.has(description.source) || description.platform !== deps.platform) return undefined;
  const current = await deps.home.current();
  if (!isNewer(description, decodeRuntime(current.description, deps.home.folder))) return undefined;
  // One that is kept and was damaged since is replaced.
  const kept = await readRuntime(deps, to).catch(() => undefined);
  if (kept !== undefined && runtimeId(kept.description) === runtimeId(description)) {
    return description;
  }
  if (kept !== undefined && !isNewer(description, kept.description)) return undefined;
  await checkRuntimeFiles(deps, found);
  const aside = `${to}.new`;
  await deps.makeEmpty(aside);
  for (const name of [description.archive.name, RUNTIME_LAUNCHER, RUNTIME_SUMS, RUNTIME_FILE]) {
    await deps.copy(join(folder, name), join(aside, name));
  }
  const copied = await readRuntime(deps, aside);
  if (copied === undefined) return undefined;
  await checkRuntimeFiles(deps, copied);
  await deps.replace(to, aside);
  return description;
}
