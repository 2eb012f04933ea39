import { BOUNDS } from '../../domain/bounds.js';
import { XError, messageOf } from '../../domain/errors.js';
import type { BundleRecord } from '../../ports/catalog.js';
import type { ClientSettings, HeldView, SettingsRequest } from '../../ports/ecosystem.js';
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
  for (const bundle of firstOfEachName(request.bundles)) {
    const suites = suitesFor(await suitesOf(bundle, request.view), release);
    if (suites.length === 0) continue;
    const key = await readText(bundle, `debian/keyring/${bundle.name}.asc`, request.view);
    files.push({ path: `keyrings/${bundle.name}.asc`, text: key });
    const uri = `${request.gateway}/debian/${bundle.name}`;
    for (const suite of suites) {
      stanzas.push(sourceStanza(uri, bundle.name, suite));
      files.push(...(await listsOf(bundle, uri, suite, request.view)));
    }
  }
  if (stanzas.length === 0) {
    throw new XError('BUNDLE_NOT_FOUND', 'no bundle held here has Debian packages', {
      hint: 'Ask the source to add them, or import a bundle that has some.',
    });
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

function sourceStanza(uri: string, bundle: string, suite: SuiteSummary): string {
  return [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suite.suite}`,
    `Components: ${suite.components.join(' ')}`,
    `Architectures: ${suite.architectures.join(' ')}`,
    `Signed-By: {dir}/keyrings/${bundle}.asc`,
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
