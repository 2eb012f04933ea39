import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import type { ClientSettings, HeldView } from '../ports/ecosystem.js';

/** Writes what a client's settings need below a folder, and fills the folder's place in the rest in. */
export async function placeSettings(
  settings: ClientSettings,
  folder: string,
  view: HeldView,
): Promise<{ env: Record<string, string>; args: string[] }> {
  const here = (text: string): string => text.replaceAll('{dir}', folder);
  for (const { path, text } of settings.files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, here(text));
  }
  const queue = new PQueue({ concurrency: BOUNDS.parallelDownloads });
  await Promise.all(
    (settings.blobs ?? []).map(({ path, entry }) =>
      queue.add(async () => {
        const target = join(folder, path);
        await mkdir(dirname(target), { recursive: true });
        await writeFile(target, await view.read(entry, BOUNDS.placedBlobBytes));
      }),
    ),
  );
  return {
    env: Object.fromEntries(Object.entries(settings.env).map(([key, value]) => [key, here(value)])),
    args: settings.args.map(here),
  };
}
