import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^x-bench-([0-9]+)-/;

/** A temporary folder of this process, and of nobody else's run. */
export function makeScratch(parent: string): string {
  for (const name of readdirSync(parent)) {
    const pid = NAME.exec(name)?.[1];
    // What a run left that was killed without a chance to clean up.
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeScratch(join(parent, name));
  }
  return mkdtempSync(join(parent, `x-bench-${process.pid}-`));
}

export function removeScratch(folder: string): void {
  // What was killed a moment ago may still be closing its files.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** Why that much does not fit below a folder; undefined where it does. */
export function whyNoRoom(folder: string, neededBytes: number): string | undefined {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  return free > neededBytes
    ? undefined
    : `it needs up to ${gb(neededBytes)} below ${folder}, where ${gb(free)} are free (--tmp chooses another folder)`;
}
