import { BOUNDS } from '../../domain/bounds.js';
import { XError, messageOf } from '../../domain/errors.js';
import type { BundleRecord } from '../../ports/catalog.js';
import type {
  ClientConfiguration,
  ClientSettings,
  HeldView,
  SettingsRequest,
  UseRequest,
} from '../../ports/ecosystem.js';
import { SUITES_PATH, type SuiteSummary } from './suite-summary.js';

/** apt's family: all read APT_CONFIG. */
export const APT_COMMANDS = ['apt-get', 'apt', 'apt-cache', 'aptitude'] as const;

/**
 * Points apt at the bundles of a gateway for one command. Its sources, lists and cache are the run's
 * own; what is installed is the machine's. The indexes are laid where `apt-get update` would put
 * them, so `apt-get install` works at once and needs no update before it. Suites of another release
 * than the machine's stay out: newer packages of theirs would break it.
 * @throws XError BUNDLE_NOT_FOUND where no bundle has Debian packages.
 */
export async function aptSettings(
  request: SettingsRequest,
  release: string | undefined,
): Promise<ClientSettings> {
  const files: ClientSettings['files'] = [];
  const stanzas: string[] = [];
  for (const { bundle, uri, suites, key } of await repositoriesOf(request, release)) {
    files.push({ path: `keyrings/${bundle.name}.asc`, text: key });
    for (const suite of suites) {
      stanzas.push(sourceStanza(uri, `{dir}/keyrings/${bundle.name}.asc`, suite));
      files.push(...(await listsOf(bundle, uri, suite, request.view)));
    }
  }
  files.push(
    { path: 'etc/sources.list.d/x.sources', text: stanzas.join('\n') },
    { path: 'apt.conf', text: CONFIGURATION },
    // apt wants its folders to be there.
    { path: 'state/lists/partial/.keep', text: '' },
    { path: 'cache/archives/partial/.keep', text: '' },
  );
  return { env: { APT_CONFIG: '{dir}/apt.conf' }, files, args: [] };
}

/**
 * apt's own configuration with the bundles of a gateway as one more file of sources; nothing else of
 * apt is changed, and what the file says of dates holds for its own sources alone.
 * @param aptFolder `/etc/apt`
 * @throws XError as aptSettings.
 */
export async function aptConfiguration(
  request: UseRequest,
  release: string | undefined,
  aptFolder: string,
): Promise<ClientConfiguration> {
  const files: ClientConfiguration['files'] = [];
  const stanzas: string[] = [];
  for (const { bundle, uri, suites, key } of await repositoriesOf(request, release)) {
    const keyring = `${aptFolder}/keyrings/x-${bundle.name}.asc`;
    files.push({ path: keyring, text: key });
    stanzas.push(...suites.map((suite) => sourceStanza(uri, keyring, suite)));
  }
  const text = `# Written by x use apt; x use apt --undo takes it back.\n${stanzas.join('\n')}`;
  files.push({ path: `${aptFolder}/sources.list.d/x.sources`, text });
  return {
    files,
    notes: [
      `apt-get update reads ${stanzas.length} suites from the gateway now, while it runs.`,
      'Other sources of this machine are as they were: apt-get update complains of those that it cannot reach.',
    ],
  };
}

interface Repository {
  bundle: BundleRecord;
  uri: string;
  suites: SuiteSummary[];
  /** Armored. */
  key: string;
}

/** The repositories of the bundles that a machine of a release can use. @throws XError BUNDLE_NOT_FOUND. */
async function repositoriesOf(
  { bundles, gateway, view }: Pick<UseRequest, 'bundles' | 'gateway' | 'view'>,
  release: string | undefined,
): Promise<Repository[]> {
  const found: Repository[] = [];
  for (const bundle of firstOfEachName(bundles)) {
    const suites = suitesFor(await suitesOf(bundle, view), release);
    if (suites.length === 0) continue;
    const key = await readText(bundle, `debian/keyring/${bundle.name}.asc`, view);
    found.push({ bundle, uri: `${gateway}/debian/${bundle.name}`, suites, key });
  }
  if (found.length > 0) return found;
  throw new XError('BUNDLE_NOT_FOUND', 'no bundle held here has Debian packages', {
    hint: 'Ask the source to add them, or import a bundle that has some.',
  });
}

/** The run's folder is the user's alone, so apt must not drop to its own user to read it. */
const CONFIGURATION = `Dir::State "{dir}/state";
Dir::State::Lists "{dir}/state/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::State::extended_states "/var/lib/apt/extended_states";
Dir::Cache "{dir}/cache";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{dir}/etc/sources.list.d";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "root";
APT::Default-Release "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Acquire::http::Proxy "DIRECT";
`;

function sourceStanza(uri: string, keyring: string, suite: SuiteSummary): string {
  return [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suite.suite}`,
    `Components: ${suite.components.join(' ')}`,
    `Architectures: ${suite.architectures.join(' ')}`,
    `Signed-By: ${keyring}`,
    // The signed bundle says how old it may be; an isolated clock may be anything.
    'Check-Valid-Until: no',
    'Check-Date: no',
    '',
  ].join('\n');
}

/** The files that `apt-get update` would fetch, under the names that it would give them. */
async function listsOf(
  bundle: BundleRecord,
  uri: string,
  { suite, components, architectures }: SuiteSummary,
  view: HeldView,
): Promise<ClientSettings['files']> {
  const indexes = components.flatMap((component) =>
    architectures.map((architecture) => `${component}/binary-${architecture}/Packages`),
  );
  return Promise.all(
    ['InRelease', ...indexes].map(async (file) => ({
      path: `state/lists/${listName(`${uri}/dists/${suite}/${file}`)}`,
      text: await readText(bundle, `debian/dists/${suite}/${file}`, view),
    })),
  );
}

/** apt's file name of an address: the scheme cut off, what is odd in file names escaped, `_` for `/`. */
export function listName(url: string): string {
  return url
    .replace(/^[a-z+]+:\/\//, '')
    .replace(
      /[\\|{}[\]<>"^~_=!@#$%^&*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
    .replaceAll('/', '_');
}

function firstOfEachName(bundles: readonly BundleRecord[]): BundleRecord[] {
  const names = new Set<string>();
  return bundles.filter(({ name }) => !names.has(name) && Boolean(names.add(name)));
}

async function suitesOf(bundle: BundleRecord, view: HeldView): Promise<SuiteSummary[]> {
  if (view.entryByPath(bundle.id, SUITES_PATH) === undefined) return [];
  const text = await readText(bundle, SUITES_PATH, view);
  try {
    const parsed = JSON.parse(text) as { suites: SuiteSummary[] };
    if (parsed.suites.every(isSummary)) return parsed.suites;
  } catch (error) {
    throw malformed(bundle, messageOf(error));
  }
  throw malformed(bundle, 'a suite has an odd name');
}

/** Those of a release; all, where none is for it. */
function suitesFor(suites: SuiteSummary[], release: string | undefined): SuiteSummary[] {
  const fitting = suites.filter(
    ({ releases }) =>
      releases === undefined || (release !== undefined && releases.includes(release)),
  );
  const isNamed = suites.some(
    ({ releases }) => release !== undefined && releases?.includes(release),
  );
  return isNamed ? fitting : suites;
}

/** What goes into a configuration file must not be able to say anything else in it. */
function isSummary({ suite, components, architectures, releases = [] }: SuiteSummary): boolean {
  if (!Array.isArray(releases)) return false;
  return [suite, ...components, ...architectures].every((name) => /^[A-Za-z0-9.+_-]+$/.test(name));
}

function malformed(bundle: BundleRecord, problem: string): XError {
  return new XError('METADATA_INVALID', `${bundle.name}: ${SUITES_PATH}: ${problem}`, {
    hint: 'Publish the bundle again at the source.',
  });
}

async function readText(bundle: BundleRecord, path: string, view: HeldView): Promise<string> {
  const entry = view.entryByPath(bundle.id, path);
  if (entry === undefined) {
    throw new XError('INCOMPLETE', `${bundle.name} lacks ${path}`, {
      hint: 'Pull the bundle again, whole.',
    });
  }
  return Buffer.from(await view.read(entry, BOUNDS.documentBytes)).toString('utf8');
}
