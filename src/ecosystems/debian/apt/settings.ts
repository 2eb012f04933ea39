import { XError } from '../../../domain/errors.js';
import type { Target } from '../../../domain/target.js';
import type { AptHost } from '../../../ports/apt.js';
import { flagOf, parseAptConfiguration } from './configuration.js';
import { defaultReleasePin, parsePreferences, type Pin } from './preferences.js';
import { snapshotOf } from './snapshot.js';
import { parseAptSources, writtenOut, type AptSource } from './sources-list.js';

/** What flags say instead of apt's own files. */
export interface AptOverrides {
  /** A repository's address; with it, `suites` are asked of it alone. */
  mirror?: string | undefined;
  suites?: readonly string[] | undefined;
  components?: readonly string[] | undefined;
  /** Paths of keyrings, instead of Signed-By and the trusted ones. */
  keyrings?: readonly string[] | undefined;
  withRecommends?: boolean | undefined;
  /** The id of the moment that a snapshot service is read as of. */
  snapshot?: string | undefined;
}

/** apt's settings, understood. */
export interface AptSettings {
  sources: AptSource[];
  pins: Pin[];
  checkValidUntil: boolean;
  checkDate: boolean;
  withRecommends: boolean;
  followsSuggests: boolean;
}

/** @throws XError INPUT_MALFORMED. */
export function readAptSettings(host: AptHost, overrides: AptOverrides): AptSettings {
  const configuration = parseAptConfiguration(host.configuration);
  const defaultRelease = configuration.get('apt::default-release');
  return {
    sources: overrides.mirror === undefined ? parseAptSources(host.sources) : [],
    pins: [
      ...parsePreferences(host.preferences),
      ...(defaultRelease === undefined || defaultRelease === ''
        ? []
        : [defaultReleasePin(defaultRelease)]),
    ],
    checkValidUntil: flagOf(configuration, 'Acquire::Check-Valid-Until', true),
    checkDate: flagOf(configuration, 'Acquire::Check-Date', true),
    withRecommends:
      overrides.withRecommends ?? flagOf(configuration, 'APT::Install-Recommends', true),
    followsSuggests: flagOf(configuration, 'APT::AutoRemove::SuggestsImportant', true),
  };
}

/**
 * The sources that a target is resolved from: the host's own, or what the flags say.
 * @throws XError USAGE where there is none.
 */
export function sourcesFor(
  settings: AptSettings,
  overrides: AptOverrides,
  target: Target,
): AptSource[] {
  const sources =
    overrides.mirror === undefined
      ? hostSources(settings, overrides)
      : mirrorSources(overrides.mirror, overrides, target);
  if (sources.length === 0) {
    throw new XError(
      'USAGE',
      'apt has no sources on this machine, so Debian packages cannot be had',
      {
        hint: 'Write them in apt’s sources, or name a repository with --debian-mirror, --debian-suite and --debian-keyring.',
      },
    );
  }
  const { keyrings, snapshot } = overrides;
  return sources
    .map((source) => writtenOut(source, target.arch))
    .map((source) => (keyrings === undefined ? source : { ...source, signedBy: [...keyrings] }))
    .map((source) => (snapshot === undefined ? source : snapshotOf(source, snapshot)));
}

function mirrorSources(mirror: string, overrides: AptOverrides, target: Target): AptSource[] {
  if (!/^(https?|file):\/\//.test(mirror)) {
    throw new XError('USAGE', `--debian-mirror ${mirror}: not an http, https or file address`);
  }
  const suites = overrides.suites ?? (target.debian === undefined ? [] : [target.debian]);
  if (suites.length === 0) {
    throw new XError('USAGE', '--debian-mirror needs to be told which suites to read', {
      hint: 'Add --debian-suite bookworm,bookworm-updates or debian=bookworm to the target.',
    });
  }
  return suites.map((suite) => ({
    uri: mirror.endsWith('/') ? mirror : `${mirror}/`,
    suite,
    components: suite.endsWith('/') ? [] : [...(overrides.components ?? ['main'])],
    architectures: undefined,
    exceptArchitectures: [],
    include: undefined,
    exclude: [],
    signedBy: [],
    checkValidUntil: undefined,
    checkDate: undefined,
    where: '--debian-mirror',
  }));
}

/** Suites by flag are asked where the host asks for such a one: a security suite at the security archive. */
function hostSources({ sources }: AptSettings, overrides: AptOverrides): AptSource[] {
  const withComponents = (source: AptSource): AptSource =>
    overrides.components === undefined || source.suite.endsWith('/')
      ? source
      : { ...source, components: [...overrides.components] };
  if (overrides.suites === undefined) return sources.map(withComponents);
  return overrides.suites.flatMap((suite) => {
    const isSecurity = isSecuritySuite(suite);
    const model =
      sources.find((source) => source.suite === suite) ??
      sources.find((source) => isSecuritySuite(source.suite) === isSecurity);
    return model === undefined ? [] : [withComponents({ ...model, suite })];
  });
}

function isSecuritySuite(suite: string): boolean {
  return /(-security|\/updates)$/.test(suite);
}
