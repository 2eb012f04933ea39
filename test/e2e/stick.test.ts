import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { exportBundle, type ExportResult } from '../../src/operations/export-bundle.js';
import { importBundle } from '../../src/operations/import-bundle.js';
import type { ProgressEvent } from '../../src/ports/progress.js';
import { Machine } from '../operations/world.js';

const STICK_BYTES = 160 << 20;
const VOLUME_BYTES = 12_000_000;
const SIZES = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`part-${i}`, 5_000_000 + i]));

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** A stick: a file system in an image, on a loop device, that can be pulled out. */
class Stick {
  readonly image: string;
  readonly folder: string;
  #device = '';

  private constructor(
    dir: string,
    readonly type: string,
  ) {
    this.image = join(dir, 'stick.img');
    this.folder = join(dir, 'stick');
  }

  /** Undefined, the test skipped, where this machine mounts no images. */
  static async make(t: TestContext, dir: string): Promise<Stick | undefined> {
    if (process.getuid?.() !== 0) {
      t.skip('mounting an image needs root');
      return undefined;
    }
    const known = readFileSync('/proc/filesystems', 'utf8');
    for (const type of ['vfat', 'ext4']) {
      if (!new RegExp(`\\b${type}\\b`).test(known)) continue;
      const stick = new Stick(dir, type);
      await mkdir(stick.folder);
      writeFileSync(stick.image, '');
      truncateSync(stick.image, STICK_BYTES);
      try {
        if (type === 'vfat') run('mkfs.vfat', '-F', '32', stick.image);
        else run('mkfs.ext4', '-q', stick.image);
        stick.putIn();
      } catch (error) {
        t.skip(`no image can be made or mounted here: ${String(error).slice(0, 200)}`);
        return undefined;
      }
      t.diagnostic(`the stick's file system is ${type}`);
      return stick;
    }
    t.skip('this kernel knows neither vfat nor ext4');
    return undefined;
  }

  putIn(): void {
    this.#device = run('losetup', '-f', '--show', this.image);
    run('mount', this.#device, this.folder);
  }

  /** What is not on it yet never will be: the device ends where it was. */
  tear(keptBytes: number): void {
    truncateSync(this.image, keptBytes);
    run('losetup', '-c', this.#device);
  }

  pullOut(): void {
    run('umount', '-l', this.folder);
    run('losetup', '-d', this.#device);
  }

  /** The same stick again, checked as a desktop would. */
  putInAgain(): void {
    truncateSync(this.image, STICK_BYTES);
    const [check, ...flags] = this.type === 'vfat' ? ['fsck.vfat', '-a'] : ['e2fsck', '-fy'];
    try {
      run(check, ...flags, this.image);
    } catch (error) {
      // It says so by its exit code where it mended something.
      assert.ok([1, 2].includes((error as { status: number }).status), String(error));
    }
    this.putIn();
  }
}

async function onStick(
  t: TestContext,
  work: (source: Machine, stick: Stick, give: Give) => Promise<void>,
): Promise<void> {
  const source = await Machine.start('source');
  let stick: Stick | undefined;
  try {
    stick = await Stick.make(t, source.dir);
    if (stick === undefined) return;
    await source.publish(SIZES);
    const to = stick.folder;
    await work(source, stick, (onBytes = () => undefined) => {
      const report = (event: ProgressEvent): void => {
        if (event.event === 'progress') onBytes(event.bytes);
      };
      const request = { bundle: 'demo', to, volumeSizeBytes: VOLUME_BYTES };
      return exportBundle(
        {
          ...source,
          store: source.store,
          catalog: source.catalog,
          exportLog: source.exportLog,
          report,
        },
        request,
      );
    });
  } finally {
    try {
      stick?.pullOut();
    } catch {
      // It was out already.
    }
    await source.end();
  }
}

type Give = (onBytes?: (bytes: number) => void) => Promise<ExportResult>;

const once = (atBytes: number, work: () => void): ((bytes: number) => void) => {
  let done = false;
  return (bytes) => {
    if (done || bytes < atBytes) return;
    done = true;
    work();
  };
};

async function isWhole(source: Machine, folder: string): Promise<void> {
  const clean = join(source.dir, 'clean');
  await exportBundle(source, { bundle: 'demo', to: clean, volumeSizeBytes: VOLUME_BYTES });
  for (const name of await readdir(clean)) {
    const [a, b] = [await readFile(join(clean, name)), await readFile(join(folder, name))];
    assert.equal(Buffer.compare(a, b), 0, name);
  }
  const reader = await Machine.start('reader');
  try {
    const trust = { did: source.identity.did };
    const { bundles, problems } = await importBundle(reader, { paths: [folder], trust });
    assert.deepEqual({ problems, missing: bundles[0]!.missing }, { problems: [], missing: [] });
  } finally {
    await reader.end();
  }
}

test('a stick that is pulled out in the middle is continued', async (t) => {
  await onStick(t, async (source, stick, give) => {
    await assert.rejects(
      give(once(18_000_000, () => stick.tear(20 << 20))),
      (error) => error instanceof XError && error.code === 'IO_FAILED',
    );
    stick.pullOut();
    stick.putInAgain();
    const { volumes } = await give();
    assert.equal(volumes.length, 3);
    await isWhole(source, stick.folder);
    const again = await give();
    assert.deepEqual(
      again.volumes.map(({ state }) => state),
      ['kept', 'kept', 'kept'],
    );
  });
});

test('a stick that fills up in the middle says so, and is continued', async (t) => {
  await onStick(t, async (source, stick, give) => {
    const filler = join(stick.folder, 'holiday.mp4');
    const fill = (): void => {
      try {
        writeFileSync(filler, Buffer.alloc(STICK_BYTES, 1));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    };
    const isFull = (error: unknown): boolean =>
      error instanceof XError && error.code === 'DISK_FULL';
    await assert.rejects(give(once(14_000_000, fill)), isFull);
    // Nothing is written where it is plain beforehand that it does not fit.
    await assert.rejects(give(), (error) => isFull(error) && /MB free/.test(String(error)));
    rmSync(filler);
    const { volumes } = await give();
    assert.equal(volumes[0]!.state, 'kept');
    await isWhole(source, stick.folder);
  });
});

test('a read-only stick is read', async (t) => {
  await onStick(t, async (source, stick, give) => {
    await give();
    run('mount', '-o', 'remount,ro', stick.folder);
    await isWhole(source, stick.folder);
    await assert.rejects(
      exportBundle(source, { bundle: 'demo', to: stick.folder, volumeSizeBytes: 40_000_000 }),
      (error) => error instanceof XError && error.code === 'IO_FAILED',
    );
  });
});
