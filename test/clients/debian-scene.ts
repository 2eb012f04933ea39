import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BOUNDS } from '../../src/domain/bounds.js';
import { parseTarget, type Target } from '../../src/domain/target.js';
import type { AptHost } from '../../src/ports/apt.js';
import { parseAptSources } from '../../src/ecosystems/debian/apt/sources-list.js';
import { readAptSettings, type AptSettings } from '../../src/ecosystems/debian/apt/settings.js';
import type { DebianBase } from '../../src/ecosystems/debian/base.js';
import { machineRelease } from '../../src/ecosystems/debian/machine-release.js';
import { planTarget, type TargetPlan } from '../../src/ecosystems/debian/plan.js';
import { parseRequirements } from '../../src/ecosystems/debian/requirements.js';
import { WorldLoader, type World } from '../../src/ecosystems/debian/world.js';
import { readAptHost } from '../../src/platform/apt-host.js';
import { MemoryStore, openUpstream } from '../ecosystems/debian/support.js';
import { isolatedApt, run, type IsolatedApt } from './debian-apt.js';

export interface SceneSpec {
  /** A Debian release by codename. */
  release: string;
  /** `host`: what is installed on this machine, where that is of the release. */
  base: 'minbase' | 'none' | 'host';
  /** Architectures beside the machine's own. */
  foreign?: readonly string[];
  /** Suites beside `release` and `release-updates`, by what they end in. */
  suites?: readonly ('security' | 'backports')[];
}

/** One world that both X and a real apt resolve in: the same sources, architectures and status. */
export interface Scene extends AsyncDisposable {
  spec: SceneSpec;
  target: Target;
  world: World;
  settings: AptSettings;
  status: string;
  /** The folder of the system whose apt is asked; undefined for this machine's own. */
  root: string | undefined;
  apt: IsolatedApt;
  plan(
    names: readonly string[],
    options: { withRecommends: boolean; upgrade?: boolean },
  ): TargetPlan;
}

/** How often the mirror is read again where it changed meanwhile. */
const ATTEMPTS = 3;

export async function openScene(spec: SceneSpec): Promise<Scene> {
  const host = await hostFor(spec);
  const root = await rootFor(spec.release, host);
  for (let attempt = 1; ; attempt += 1) {
    const store = new MemoryStore();
    const scene = await readScene(spec, host, root, store);
    const update = await scene.apt.apt(['update', '-qq']);
    assert.equal(update.code, 0, update.output);
    // A mirror that changes between the two reads makes two worlds: then both are read again.
    const releases = await scene.apt.releaseDigests();
    if (releases.every((digest) => store.stat(digest) !== undefined)) return scene;
    assert.ok(attempt < ATTEMPTS, 'the mirror keeps changing while it is read');
    await scene.apt[Symbol.asyncDispose]();
  }
}

async function readScene(
  spec: SceneSpec,
  host: AptHost,
  root: string | undefined,
  store: MemoryStore,
): Promise<Scene> {
  const upstream = openUpstream();
  const settings = readAptSettings(host, {});
  const architecture = host.architecture ?? 'amd64';
  const target = parseTarget(`linux/${architecture}/glibc2.36,debian=${spec.release}`);
  const context = { upstream, store, host, settings, now: new Date(), signal: undefined };
  const base: DebianBase =
    spec.base === 'host' ? { kind: 'status', text: await host.readStatus() } : { kind: spec.base };
  const world = await new WorldLoader(context, {}).load(target, base, spec.foreign ?? []);
  await upstream.close();
  const status = base.kind === 'status' ? base.text : statusOf(world);
  const apt = await isolatedApt({
    status,
    sources: host.sources[0]?.text,
    architectures: [architecture, ...(spec.foreign ?? [])],
    root,
  });
  return {
    spec,
    target,
    world,
    settings,
    status,
    root,
    apt,
    plan(names, { withRecommends, upgrade = false }) {
      const { requirements } = parseRequirements(names.join('\n'), 'list.apt');
      return planTarget(world, requirements, { ...settings, withRecommends, upgrade });
    },
    async [Symbol.asyncDispose]() {
      await apt[Symbol.asyncDispose]();
      if (root !== undefined) await rm(root, { recursive: true, force: true });
    },
  };
}

function statusOf({ installed }: World): string {
  return installed.versions
    .map(({ stanza }) => stanza.replace(/^(Package: .*)$/m, '$1\nStatus: install ok installed'))
    .map((stanza) => `${stanza}\n`)
    .join('\n');
}

const COMPONENTS = 'main contrib non-free-firmware';

/** This machine's apt, reading a release from where the machine reads its own. */
async function hostFor(spec: SceneSpec): Promise<AptHost> {
  const host = await readAptHost();
  const sources = parseAptSources(host.sources);
  const isSecurity = (suite: string): boolean => suite.endsWith('-security');
  const main = sources.find(({ suite }) => !isSecurity(suite));
  const security = sources.find(({ suite }) => isSecurity(suite));
  assert.ok(main, 'apt has sources');
  const lines = ['', '-updates', ...(spec.suites ?? []).map((suite) => `-${suite}`)].map(
    (suffix) => {
      const { uri, signedBy } = (suffix === '-security' ? security : undefined) ?? main;
      const options = signedBy.length > 0 ? `[signed-by=${signedBy.join(',')}] ` : '';
      return `deb ${options}${uri} ${spec.release}${suffix} ${COMPONENTS}\n`;
    },
  );
  return {
    ...host,
    sources: [{ path: '/etc/apt/sources.list', text: lines.join('') }],
    preferences: [],
  };
}

/** Why a release cannot be read from the machine's sources; false where it can. */
export async function whyNoRelease(release: string): Promise<string | false> {
  try {
    const host = await hostFor({ release, base: 'none' });
    await using apt = await isolatedApt({ status: '', sources: host.sources[0]?.text });
    const { code, output } = await apt.apt(['update', '-qq']);
    if (code === 0 && !output.includes('Failed to fetch')) return false;
    return `apt's own sources do not have ${release}: ${output.slice(0, 200)}`;
  } catch (error) {
    return `apt's own sources cannot be used: ${String(error)}`;
  }
}

/** The release's own apt where this machine's is another: its packages, unpacked and not configured. */
async function rootFor(release: string, host: AptHost): Promise<string | undefined> {
  if ((await machineRelease('/etc/os-release')) === release) return undefined;
  const upstream = openUpstream();
  try {
    const settings = readAptSettings(host, { withRecommends: false });
    const target = parseTarget(`linux/${host.architecture ?? 'amd64'}/glibc2.36,debian=${release}`);
    const context = {
      upstream,
      store: new MemoryStore(),
      host,
      settings,
      now: new Date(),
      signal: undefined,
    };
    const world = await new WorldLoader(context, {}).load(target, { kind: 'none' }, []);
    const { requirements } = parseRequirements(
      'apt\ndpkg\ndebian-archive-keyring\ncoreutils\n',
      'l',
    );
    const { artifacts } = planTarget(world, requirements, settings);
    const root = await mkdtemp(join(tmpdir(), 'x-root-'));
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      await mkdir(join(root, 'usr', name), { recursive: true });
      await symlink(`usr/${name}`, join(root, name));
    }
    for (const folder of ['tmp', 'dev', 'var/lib/dpkg', 'etc/apt']) {
      await mkdir(join(root, folder), { recursive: true });
    }
    await writeFile(join(root, 'dev/null'), '');
    for (const file of ['/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf']) {
      await writeFile(join(root, file), await readFile(file).catch(() => ''));
    }
    for (const { url, filename } of artifacts) {
      const { bytes } = await upstream.read({ ecosystem: 'debian', url }, BOUNDS.documentBytes);
      const deb = join(root, 'tmp', filename);
      await writeFile(deb, bytes);
      const { code, output } = await run('dpkg-deb', ['-x', deb, root]);
      assert.equal(code, 0, `${filename}: ${output}`);
      await rm(deb);
    }
    return root;
  } finally {
    await upstream.close();
  }
}

/** Writes files below a folder. */
export async function writeTree(folder: string, files: Iterable<[string, Uint8Array | string]>) {
  for (const [path, body] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), body);
  }
}

/** For a test's name. */
export function sceneLabel({ release, base, foreign = [], suites = [] }: SceneSpec): string {
  return [release, `over ${base}`, ...foreign, ...suites].join(', ');
}
