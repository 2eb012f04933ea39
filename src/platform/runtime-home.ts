import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdtemp,
  open,
  readFile,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { RuntimeHome } from '../ports/runtime.js';
import { OWN_FOLDER } from './own-program.js';

const DESCRIPTION = 'x-runtime.json';

/**
 * `versions/ID/` for each runtime, `current` and `previous` that point at two of them, and `bin/x`,
 * which starts the current one: as a runtime's launcher lays it out.
 */
export class InstalledRuntimes implements RuntimeHome {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Where the x that runs here was installed from a runtime.
   * @throws XError USAGE where it was not.
   */
  static async ofThisProgram(program = OWN_FOLDER): Promise<InstalledRuntimes> {
    const version = dirname(await realpath(program));
    const versions = dirname(version);
    const isInstalled = basename(versions) === 'versions' && existsSync(join(version, DESCRIPTION));
    if (isInstalled) return new InstalledRuntimes(dirname(versions));
    throw new XError('USAGE', `this x, in ${program}, was not installed from a runtime`, {
      hint: 'Bring it up to date as it was installed; or run sh x-runtime/x once, from a stick that x export --with-runtime wrote.',
    });
  }

  async current(): Promise<{ id: string; description: Uint8Array }> {
    const id = (await this.#target('current')) ?? '';
    try {
      const description = await readFile(join(this.#path(id), DESCRIPTION));
      return { id, description };
    } catch (cause) {
      throw new XError('IO_FAILED', `${this.folder}/current is no installed x`, {
        hint: 'Run sh x-runtime/x from a stick: it installs one.',
        cause,
      });
    }
  }

  previous(): Promise<string | undefined> {
    return this.#target('previous');
  }

  async holds(id: string): Promise<boolean> {
    return (await stat(join(this.#path(id), 'bin/node')).catch(() => undefined)) !== undefined;
  }

  begin(): Promise<string> {
    return mkdtemp(join(this.folder, 'versions', '.new-'));
  }

  async versionOf(folder: string): Promise<string> {
    try {
      const { stdout } = await promisify(execFile)(
        join(folder, 'bin/node'),
        [join(folder, 'app/bin/run.js'), '--version'],
        { timeout: BOUNDS.runtimeStartMs, env: { ...process.env, NODE_OPTIONS: '' } },
      );
      return /^x\/(\S+)/.exec(stdout)?.[1] ?? stdout.trim().slice(0, 80);
    } catch (cause) {
      throw new XError('RUNTIME_UNSUITED', `the new x does not start: ${messageOf(cause)}`, {
        hint: 'The installed one is as it was.',
        cause,
      });
    }
  }

  async keep(folder: string, id: string): Promise<void> {
    // It was made for its maker alone; whoever may run x may read this.
    await chmod(folder, 0o755);
    await flushAll(folder);
    await rename(folder, this.#path(id));
    await flush(join(this.folder, 'versions'));
  }

  async drop(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}.archive`, { force: true });
  }

  async select(id: string): Promise<void> {
    const before = await this.#target('current');
    if (before !== undefined && before !== id) await this.#point('previous', before);
    await this.#point('current', id);
  }

  async prune(): Promise<void> {
    const versions = join(this.folder, 'versions');
    const kept = new Set([await this.#target('current'), await this.#target('previous')]);
    // Without both it is not known what is old.
    if (kept.has(undefined)) return;
    const used = await runningPrograms();
    for (const name of await readdir(versions)) {
      const path = join(versions, name);
      // Of a removal that was cut short; `.new-` is another update's.
      if (name.startsWith('.old-')) await rm(path, { recursive: true, force: true });
      if (kept.has(name) || name.startsWith('.')) continue;
      if (!existsSync(join(path, DESCRIPTION))) continue;
      if (used === undefined || used.some((program) => program.startsWith(path + sep))) continue;
      // Renamed first: what is half removed is no runtime.
      const gone = join(versions, `.old-${name}`);
      await rename(path, gone);
      await rm(gone, { recursive: true, force: true });
    }
  }

  #path(id: string): string {
    return join(this.folder, 'versions', id);
  }

  async #target(name: string): Promise<string | undefined> {
    const target = await readlink(join(this.folder, name)).catch(() => undefined);
    return target === undefined ? undefined : basename(target);
  }

  /** A rename over the old link: at every moment it points at a whole one. */
  async #point(name: string, id: string): Promise<void> {
    const fresh = join(this.folder, `.${name}-${String(process.pid)}`);
    await rm(fresh, { force: true });
    await symlink(join('versions', id), fresh);
    await rename(fresh, join(this.folder, name));
    await flush(this.folder);
  }
}

/** What this machine's processes run; undefined where it does not say. */
async function runningPrograms(): Promise<string[] | undefined> {
  const processes = await readdir('/proc').catch(() => undefined);
  if (processes === undefined) return undefined;
  const programs: string[] = [];
  for (const process of processes) {
    if (!/^[0-9]+$/.test(process)) continue;
    // Another user's cannot be asked, and one may end meanwhile.
    const program = await readlink(`/proc/${process}/exe`).catch(() => undefined);
    if (program !== undefined) programs.push(program);
  }
  return programs;
}

async function flushAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await flushAll(path);
    else await flush(path);
  }
  await flush(folder);
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
