import type { EcosystemName } from '../../src/domain/plan.js';
import { buildBundle } from '../../src/operations/build-bundle.js';
import { systemClock } from '../../src/platform/clock.js';
import type { FetchedArtifact } from '../../src/ports/ecosystem.js';
import { openData } from '../../src/roles/open-data.js';
import { openIdentity } from '../../src/roles/open-keys.js';
import { bytesOf, type ContentFile } from './content.js';

const ECOSYSTEM: EcosystemName = 'pypi';
const TARGET = 'linux/amd64/glibc2.36,python=3.12';

/** A data folder whose owner is the source of one signed bundle of these files. */
export async function signContent(
  folder: string,
  seed: string,
  files: readonly ContentFile[],
): Promise<void> {
  const data = await openData(folder);
  try {
    const artifacts: FetchedArtifact[] = [];
    for (const [at, file] of files.entries()) {
      const { sha256 } = await data.store.put(bytesOf(seed, file), {
        lengthBytes: file.lengthBytes,
        maxBytes: file.lengthBytes,
      });
      artifacts.push(artifactOf(file, at, sha256));
    }
    const identity = await openIdentity(folder);
    const deps = { store: data.store, catalog: data.catalog, clock: systemClock, identity };
    const targets = [TARGET];
    await buildBundle(deps, { name: 'bench', artifacts, sealed: [], inputs: [], targets });
  } finally {
    await data.close();
  }
}

function artifactOf(file: ContentFile, at: number, sha256: string): FetchedArtifact {
  const name = `bench-${at}`;
  const filename = `${name.replace('-', '_')}-1.0-py3-none-any.whl`;
  return {
    sha256,
    lengthBytes: file.lengthBytes,
    artifact: {
      purl: `pkg:pypi/${name}@1.0`,
      ecosystem: ECOSYSTEM,
      name,
      version: '1.0',
      filename,
      path: `pypi/${name}/${filename}`,
      sizeBytes: file.lengthBytes,
      digests: { sha256 },
      url: `https://index.example/${filename}`,
      proof: 'index-hash',
      requiredBy: [],
      requires: [],
      targets: [TARGET],
      private: false,
      detail: {},
    },
  };
}
