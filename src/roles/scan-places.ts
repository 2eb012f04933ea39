import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, XError } from '../domain/errors.js';
import { aptArchives } from '../ecosystems/debian/apt/archives.js';
import { readAptHost } from '../platform/apt-host.js';
import type { Report } from '../ports/progress.js';
import { loadNpmConfig } from '../upstream/npm-config.js';
import { readPipConfiguration } from '../upstream/pypi-settings.js';

export interface ScanPlaces {
  /** That are there. */
  folders: string[];
  /** What is inside them and no package of anybody's. */
  except: string[];
}

/** Where pip, npm and apt of this machine and user keep what they fetched. */
export async function nativeCaches(report: Report): Promise<ScanPlaces> {
  const { env } = process;
  const places = await Promise.all([
    told(
      'pip',
      report,
      async () => (await readPipConfiguration({ env, home: homedir() })).cacheFolder,
    ),
    told('npm', report, async () => (await loadNpmConfig(process.cwd(), env)).cacheFolder),
    told('apt', report, async () => aptArchives((await readAptHost()).configuration)),
  ]);
  const [pip] = places;
  if (pip !== undefined && existsSync(join(pip, 'http')) && !existsSync(join(pip, 'http-v2')))
    report({
      event: 'warning',
      message: `${join(pip, 'http')} is of a pip before 23.3, which keeps packages inside its answers: they cannot be marked; what a newer pip keeps can, and files of "pip download -d FOLDER" can`,
    });
  const folders = places.filter((place) => place !== undefined && existsSync(place));
  // Where apt has what is still on its way.
  return {
    folders: folders as string[],
    except: folders.map((place) => join(place as string, 'partial')),
  };
}

/** A client whose settings cannot be read does not keep the caches of the others from being found. */
async function told(
  client: string,
  report: Report,
  find: () => Promise<string | undefined>,
): Promise<string | undefined> {
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof XError)) throw error;
    report({ event: 'warning', message: `${client}'s cache is not scanned: ${messageOf(error)}` });
    return undefined;
  }
}
