import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { Plan } from '../../src/domain/plan.js';
import { parseTarget } from '../../src/domain/target.js';
import { planBundle } from '../../src/operations/plan-bundle.js';
import { readInputs, type Inputs } from '../../src/operations/read-inputs.js';
import { systemClock } from '../../src/platform/clock.js';
import { systemRandom } from '../../src/platform/random.js';
import type { ProgressEvent } from '../../src/ports/progress.js';
import { openSources, type OpenSources } from '../../src/roles/ecosystem-sources.js';
import { readInputFile } from '../../src/roles/input-files.js';
import { openData, type DataFolder } from '../../src/roles/open-data.js';
import { createIdentity, type Identity } from '../../src/trust/identity.js';

export const TARGET = parseTarget('linux/amd64/glibc2.36,python=3.12,node=22,debian=fixture');

/** A source machine with a real store, and the ecosystems over the upstreams that the project makes up. */
export class SourceWorld {
  readonly events: ProgressEvent[] = [];
  readonly identity: Identity = createIdentity(systemRandom);
  readonly clock = systemClock;
  readonly random = systemRandom;
  readonly report = (event: ProgressEvent): void => void this.events.push(event);

  private constructor(
    readonly folder: string,
    readonly fixtures: Fixtures,
    readonly data: DataFolder,
    readonly upstreams: OpenSources,
    readonly environment: Record<string, string | undefined>,
  ) {}

  static async start(): Promise<SourceWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'x-source-'));
    const fixtures = await startFixtures(join(folder, 'upstream'));
    const before = Object.fromEntries(
      Object.keys(fixtures.allEnv).map((name) => [name, process.env[name]]),
    );
    Object.assign(process.env, fixtures.allEnv);
    const data = await openData(join(folder, 'data'));
    const upstreams = await openSources({
      data,
      debian: {
        mirror: fixtures.server.debianMirror,
        suites: ['fixture', 'fixture-updates'],
        components: [],
        keyring: fixtures.server.debianKeyringPath,
        base: 'none',
        recommends: true,
        snapshot: undefined,
        upgrade: false,
      },
      python: {
        constraints: [],
        extras: undefined,
        groups: undefined,
        policy: 'pip',
        indexStrategy: 'pinned',
        oneVersion: true,
      },
      dev: undefined,
      publicIndexes: [],
      advisories: [],
      report: () => undefined,
      willSeal: true,
    });
    return new SourceWorld(folder, fixtures, data, upstreams, before);
  }

  get sources() {
    return this.upstreams.sources;
  }

  get marked() {
    return this.data.marked;
  }

  get store() {
    return this.data.store;
  }

  get catalog() {
    return this.data.catalog;
  }

  get upstream() {
    return this.upstreams.upstream;
  }

  /** Writes files and reads the first ones as the user's. */
  async read(files: Record<string, string>, paths = Object.keys(files)): Promise<Inputs> {
    for (const [name, text] of Object.entries(files))
      await writeFile(join(this.folder, name), text);
    const { sources } = this;
    return readInputs(
      { sources, readFile: readInputFile },
      paths.map((path) => join(this.folder, path)),
    );
  }

  async plan(inputs: Inputs, signal?: AbortSignal): Promise<Plan> {
    return planBundle(this, { name: 'demo', inputs, targets: [TARGET], signal });
  }

  /** What the upstreams were asked for whose path ends so. */
  asked(ending: string): string[] {
    return this.fixtures.server.requests
      .map(({ path }) => path)
      .filter((path) => path.endsWith(ending));
  }

  async end(): Promise<void> {
    for (const [name, value] of Object.entries(this.environment)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await this.upstreams.close();
    await this.data.close();
    await this.fixtures.close();
    await rm(this.folder, { recursive: true });
  }
}
