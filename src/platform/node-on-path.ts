import { execFile } from 'node:child_process';
import { delimiter } from 'node:path';
import { promisify } from 'node:util';
import { BOUNDS } from '../domain/bounds.js';
import type { NodeOnPath } from '../ports/ecosystem.js';

/** The Node that native clients run on here; x itself may run on another. */
export async function nodeOnPath(): Promise<NodeOnPath | undefined> {
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter);
  const script = 'console.log(process.versions.node, process.platform, process.arch)';
  try {
    const { stdout } = await promisify(execFile)('node', ['-e', script], {
      env: { ...process.env, PATH: path },
      timeout: BOUNDS.hintMs,
    });
    const [version, os, cpu] = stdout.trim().split(' ');
    return version === undefined || os === undefined || cpu === undefined
      ? undefined
      : { version, os, cpu };
  } catch {
    // Without a Node there is nothing that compiles for one.
    return undefined;
  }
}
