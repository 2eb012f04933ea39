import type { JsonObject } from '../../domain/plan.js';
import semver from 'semver';
import { isObject, strings } from './json.js';
import { KNOWN_DOWNLOADERS } from './known-downloaders.js';

/** What a package does where it is installed, as its manifest tells; nothing is run to find out. */
export type InstallNeed =
  /** Nothing from outside. */
  | { kind: 'nothing' }
  /** Compiled there: a compiler, Python, and Node's headers. */
  | { kind: 'compiler' }
  /** A binary for the platform lies in the tarball; compiled only where none fits. */
  | { kind: 'prebuilt' }
  /** A binary from its maker's servers, else compiled. */
  | { kind: 'binary-or-compiler' }
  /** Something from its maker's servers; `advice` is what to do about it. */
  | { kind: 'download'; advice: string }
  /** A script that says neither. */
  | { kind: 'unknown'; script: string };

/** Scripts that change nothing but what lies there, or only speak. */
const HARMLESS =
  /^(?:exit 0|true|:|echo\b[^&|;]*|husky(?: install)?|is-ci \|\| husky(?: install)?|lefthook install|simple-git-hooks|patch-package|opencollective(?:-postinstall)?(?: \|\| (?:true|exit 0))?|node -e ["'](?:try ?\{ ?)?(?:require\(['"]\.\/[\w./-]+['"]\)|console\.\w+\([^)]*\));?(?: ?\} ?catch ?\(?\w*\)? ?\{\})?["']|node -e ["']console\..*|napi-postinstall [\w./@-]+(?: check)?(?: [\d.]+)?|prebuildify.*)$/;

const COMPILES =
  /\bnode-gyp\b(?!-build)|\bcmake-js\b|\bnode-waf\b|\bnapi build\b|\bneon build\b|\bcargo\b/;
const FETCHES_PREBUILT =
  /\bprebuild-install\b|\bnode-pre-gyp\b|\bpkg-prebuilds-verify\b|\bprebuild\b/;
const PREBUILT_INSIDE =
  /^(?:node-gyp-build(?:-optional-packages)?(?:-test)?|pkg-prebuilds-verify [\w./ -]+)$/;
const DOWNLOADS =
  /\b(?:curl|wget|bin-wrapper|binary-install|go-npm|download)\b|https?:\/\/|install-binary|postinstall-binary/;

/** What the scripts and the manifest of one version come to. */
export function installNeed(
  name: string,
  version: string,
  manifest: JsonObject,
  scripts: Readonly<Record<string, string>>,
): InstallNeed {
  const known = KNOWN_DOWNLOADERS[name];
  if (known !== undefined && isOf(version, known.versions)) {
    return known.advice === undefined
      ? { kind: 'nothing' }
      : { kind: 'download', advice: known.advice };
  }
  const lines = Object.values(scripts).map((script) => script.trim());
  const text = lines.join(' && ');
  if (lines.some((line) => PREBUILT_INSIDE.test(line))) return { kind: 'prebuilt' };
  if (FETCHES_PREBUILT.test(text)) return { kind: 'binary-or-compiler' };
  if (COMPILES.test(text)) return { kind: 'compiler' };
  if (DOWNLOADS.test(text)) return { kind: 'download', advice: '' };
  const left = lines.filter((line) => !HARMLESS.test(line));
  if (lines.length === 0 && usesHeadersOfAddons(manifest)) return { kind: 'compiler' };
  if (left.length === 0) return { kind: 'nothing' };
  // What has its binaries as packages checks at installation which of them is there.
  if (hasPlatformPackages(manifest)) return { kind: 'nothing' };
  return { kind: 'unknown', script: left[0] ?? '' };
}

function isOf(version: string, range: string | undefined): boolean {
  return range === undefined || semver.satisfies(version, range, { includePrerelease: true });
}

const PLATFORM =
  /(?:linux|darwin|win32|windows|freebsd|android|macos)[-_.]?(?:x64|x86_64|amd64|arm64|aarch64|ia32|arm)?/;

/** Whether its optional dependencies are the same binary for one platform each. */
function hasPlatformPackages(manifest: JsonObject): boolean {
  const optional = Object.keys(strings(manifest['optionalDependencies']));
  return optional.filter((name) => PLATFORM.test(name)).length >= 2;
}

/**
 * A binding.gyp without an install script is compiled by npm all the same, and not every publisher's tool
 * says that there is one. What needs the headers that addons are written with has one.
 */
function usesHeadersOfAddons(manifest: JsonObject): boolean {
  const dependencies = strings(manifest['dependencies']);
  const uses = dependencies['nan'] !== undefined || dependencies['node-addon-api'] !== undefined;
  return uses && !hasPlatformPackages(manifest);
}

/** What needs the headers of the Node that it is compiled for. */
export function mayCompile({ kind }: InstallNeed): boolean {
  return kind === 'compiler' || kind === 'prebuilt' || kind === 'binary-or-compiler';
}

/** The manifest and the install scripts that a plan keeps of a package. */
export function needOf(artifact: {
  name: string;
  version: string;
  detail: JsonObject;
}): InstallNeed {
  const { name, version, detail } = artifact;
  const manifest = isObject(detail['manifest']) ? detail['manifest'] : {};
  return installNeed(name, version, manifest, strings(detail['scripts']));
}
