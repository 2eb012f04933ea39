import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { snapshotId } from '../ecosystems/debian/apt/snapshot.js';
import type { DebianBase } from '../ecosystems/debian/base.js';
import type { DebianMachine } from '../ecosystems/debian/machine.js';
import { createDebianSource } from '../ecosystems/debian/source.js';
import type { RepositorySigner } from '../ecosystems/debian/repository-key.js';
import { createNpmSource } from '../ecosystems/npm/source.js';
import { createPypiSource } from '../ecosystems/pypi/source.js';
import type { MachineRequest } from '../domain/request.js';
import type { EcosystemSource, InputFile } from '../ports/ecosystem.js';
import type { RateLimit } from '../ports/rate-limit.js';
import type { Report } from '../ports/progress.js';
import type { Upstream } from '../ports/upstream.js';
import { openParsedIndexes } from '../upstream/debian-parsed-indexes.js';
import { openSeenReleases } from '../upstream/debian-seen-releases.js';
import { readAptHost } from '../platform/apt-host.js';
import { keepYoungSpace } from '../platform/young-space.js';
import { isThere, listFolder } from '../upstream/pypi-settings.js';
import { createInputReader } from './fetched-input.js';
import type { DataFolder } from './open-data.js';
import { lastSeenUpstream, type StandIns } from './last-seen-upstream.js';
import { openOutside } from './outside.js';
import { repositorySigner } from './repository-signer.js';

/** What the command line says about Debian, over the host's apt sources. */
export interface DebianFlags {
  mirror: string | undefined;
  suites: readonly string[];
  components: readonly string[];
  keyring: string | undefined;
  /** minbase, host, none, or the path of a dpkg status file. */
  base: string;
  /** The day that the archive is read as of, as the user writes it. */
  snapshot: string | undefined;
  upgrade: boolean;
  recommends: boolean;
}

/** What the command line says about Python, over pip's configuration. */
export interface PythonFlags {
  /** Files, or their addresses. */
  constraints: readonly string[];
  extras: readonly string[] | undefined;
  groups: readonly string[] | undefined;
  policy: 'pip' | 'explicit';
  indexStrategy: 'pinned' | 'first' | 'pip';
  oneVersion: boolean;
}

export interface SourcesInput {
  data: DataFolder;
  /** What the isolated machine says of itself: each ecosystem reads its own section. */
  request?: MachineRequest | undefined;
  debian: DebianFlags;
  python: PythonFlags;
  /** Whether development dependencies are carried; undefined: as npm is configured. */
  dev: boolean | undefined;
  /** Registries and indexes whose packages may be named in public, beside the official ones. */
  publicIndexes: readonly string[];
  /** Files and folders of advisories in the OSV format. */
  advisories: readonly string[];
  report: Report;
  /** How fast files are fetched. */
  down?: RateLimit | undefined;
  /** Who is asked where an official source is silent. */
  standIns?: StandIns | undefined;
  /** Whether the plan will be sealed: what that needs is opened first. */
  willSeal: boolean;
}

export interface OpenSources {
  sources: EcosystemSource[];
  upstream: Upstream;
  /** Reads the user's files by path, or fetches them by address. */
  readInput: (place: string) => Promise<InputFile>;
  /** Says which old pages stood in for official sources, if any did. */
  tellStoodIn(): void;
  close(): Promise<void>;
}

/** The source's half of every ecosystem, over the native clients' own configuration. */
export async function openSources(input: SourcesInput): Promise<OpenSources> {
  const { data, debian } = input;
  // Before anything is asked of anybody: a mistake in them should not cost a plan.
  const advisories =
    input.advisories.length === 0
      ? undefined
      : await (await import('./advisory-files.js')).readAdvisories(input.advisories, input.report);
  let opened: Promise<RepositorySigner> | undefined;
  const signer = (): Promise<RepositorySigner> => (opened ??= repositorySigner(data.folder));
  const [outside, base, machine] = await Promise.all([
    openOutside({
      folder: data.folder,
      publicIndexes: input.publicIndexes,
      debianMirror: debian.mirror,
      report: input.report,
      down: input.down,
    }),
    debianBase(debian.base),
    debianMachine(input.request),
    // A key that cannot be read should not cost a plan.
    input.willSeal ? signer() : undefined,
  ]);
  const { registry, pip, apt } = outside;
  const standingIn = input.standIns && {
    ...input.standIns,
    upstream: outside.upstream,
    store: data.store,
    report: input.report,
  };
  const lastSeen = standingIn && lastSeenUpstream(standingIn);
  if (lastSeen !== undefined)
    registry.readPublicOver({ upstream: lastSeen, publicIndexes: input.publicIndexes });
  const upstream = lastSeen ?? outside.upstream;
  const readInput = createInputReader({
    upstream,
    remember: (address) => pip.credentials.remember(address),
    report: input.report,
  });
  const sources: EcosystemSource[] = [
    createNpmSource({
      registry,
      upstream,
      advisories,
      publicIndexes: input.publicIndexes,
      ...(input.dev === undefined ? {} : { dev: input.dev }),
    }),
    createDebianSource({
      upstream,
      store: data.store,
      parsed: openParsedIndexes(join(data.folder, 'cache', 'debian-indexes')),
      prepare: keepYoungSpace,
      apt,
      overrides: {
        mirror: debian.mirror,
        ...(debian.suites.length > 0 ? { suites: debian.suites } : {}),
        ...(debian.components.length > 0 ? { components: debian.components } : {}),
        ...(debian.keyring === undefined ? {} : { keyrings: [resolve(debian.keyring)] }),
        ...(debian.snapshot === undefined ? {} : { snapshot: snapshotId(debian.snapshot) }),
        ...(debian.recommends ? {} : { withRecommends: false }),
      },
      baseOf: () => base,
      machine,
      upgrade: debian.upgrade,
      openFile: openLocalFile,
      seen: openSeenReleases(join(data.folder, 'debian-releases.json')),
      publicIndexes: input.publicIndexes,
      signer,
    }),
    // Last: it claims every text list that is nobody else's.
    createPypiSource({
      ...pip,
      settings: {
        ...pip.settings,
        constraints: [
          ...pip.settings.constraints,
          ...(await Promise.all(input.python.constraints.map(readInput))),
        ],
      },
      choices: input.python,
      upstream,
      listFolder,
      isThere,
      env: process.env,
    }),
  ];
  const tellStoodIn = (): void => lastSeen?.tell();
  return { sources, upstream, readInput, tellStoodIn, close: outside.close };
}

/** What a request says of the machine's Debian. */
async function debianMachine(
  request: MachineRequest | undefined,
): Promise<DebianMachine | undefined> {
  const section = request?.sections.debian;
  if (section === undefined) return undefined;
  const { readMachine } = await import('../ecosystems/debian/machine.js');
  return readMachine(section);
}

/** A .deb that a list names. */
async function* openLocalFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
  } catch (error) {
    const isMissing = systemCodeOf(error) === 'ENOENT';
    throw new XError(
      isMissing ? 'INPUT_NOT_FOUND' : 'INPUT_UNREADABLE',
      isMissing ? `there is no file ${path}` : `cannot read ${path}: ${messageOf(error)}`,
      { hint: 'A path in a list is relative to the list.', cause: error },
    );
  }
}

async function debianBase(base: string): Promise<DebianBase> {
  if (base === 'minbase' || base === 'none') return { kind: base };
  const path = base === 'host' ? '/var/lib/dpkg/status' : base;
  try {
    // One character a byte, as stanzas are kept.
    const text = await readFile(path, 'latin1');
    const { installedOfStatus } = await import('../ecosystems/debian/base.js');
    if (base !== 'host' && installedOfStatus(text).versions.length === 0) {
      throw new XError('INPUT_MALFORMED', `--debian-base ${base}: no package is installed in it`, {
        hint: 'Give a copy of the target’s /var/lib/dpkg/status.',
      });
    }
    const architectures = base === 'host' ? (await readAptHost()).foreignArchitectures : undefined;
    return { kind: 'status', text, architectures };
  } catch (error) {
    if (error instanceof XError) throw error;
    throw new XError(
      'INPUT_NOT_FOUND',
      systemCodeOf(error) === 'ENOENT'
        ? `--debian-base ${base}: there is no file ${path}`
        : `--debian-base ${base}: cannot read ${path}: ${messageOf(error)}`,
      { hint: 'Use minbase, host, none, or the path of a dpkg status file.', cause: error },
    );
  }
}
