import { XError } from '../../domain/errors.js';
import type { Digests } from '../../domain/digest.js';
import type { PypiSettings } from '../../ports/pypi-settings.js';
import { hashVerdict } from './demanded-hashes.js';
import type { Distribution, Distributions } from './distributions.js';
import type { Indexes, OfferedFile } from './indexes.js';
import { isInsisted, type Pins } from './insisted-python.js';
import { admitsPython, holdsOn, type PythonTarget } from './python-target.js';
import type { Requirement } from './requirement.js';
import {
  baseOf,
  type CandidateVersion,
  type Dependency,
  type Node,
  type PackageProvider,
  type VersionFacts,
} from './resolver/package-provider.js';
import { compareVersions, type Version } from './version.js';

export interface TargetPackagesOptions {
  target: PythonTarget;
  indexes: Indexes;
  distributions: Distributions;
  settings: PypiSettings;
  /** Hashes that the user demands, by name. */
  hashes: ReadonlyMap<string, readonly Digests[]>;
  /** Files that the user names by address, by name. */
  direct: ReadonlyMap<string, readonly OfferedFile[]>;
  /** Versions that other targets take already, by name: preferred here too. */
  preferred: ReadonlyMap<string, string>;
  /** Versions that count whatever the upper bound of their Requires-Python. */
  pins: Pins;
  /** Files of an index that were uploaded later, or nobody knows when, are passed over. */
  notNewerThan: Date | undefined;
  warn: (message: string) => void;
}

/** A file that was chosen, with what it says of itself. */
export interface Chosen extends Distribution {
  file: OfferedFile;
}

/** An sdist whose dependencies are not known. */
export interface MustBuild {
  name: string;
  version: Version;
  filename: string;
}

/** What the indexes offer to one target: its wheels by tag, its sdists, its Python. */
export class TargetPackages implements PackageProvider {
  readonly #options: TargetPackagesOptions;
  readonly #usable = new Map<string, Promise<OfferedFile[]>>();
  readonly #chosen = new Map<string, Chosen>();
  readonly #ofOtherHash = new Map<string, OfferedFile[]>();
  readonly #tooNew = new Map<string, OfferedFile[]>();
  readonly #mustBuild = new Map<string, MustBuild>();

  constructor(options: TargetPackagesOptions) {
    this.#options = options;
  }

  async versions(name: string): Promise<CandidateVersion[]> {
    const files = await this.#files(name);
    const versions = new Map<string, CandidateVersion>();
    for (const { parsed, yanked } of files) {
      const known = versions.get(parsed.version.text);
      if (known === undefined) {
        versions.set(parsed.version.text, {
          version: parsed.version,
          isYanked: yanked !== undefined,
        });
      } else if (yanked === undefined) known.isYanked = false;
    }
    const list = [...versions.values()];
    const preferred = this.#options.preferred.get(name);
    if (preferred === undefined) return list;
    const isPreferred = ({ version }: CandidateVersion): boolean => version.text === preferred;
    return [...list.filter(isPreferred), ...list.filter((one) => !isPreferred(one))];
  }

  expect(node: Node, version: Version): void {
    // Whoever asks for the facts in earnest meets the same failure.
    void this.#describe(baseOf(node), version).catch(() => undefined);
  }

  async facts(node: Node, version: Version): Promise<VersionFacts> {
    const name = baseOf(node);
    const described = await this.#describe(name, version);
    if ('unusable' in described) return described;
    const { metadata, file } = described;
    this.#chosen.set(`${name}\0${version.text}`, described);
    const { target, pins } = this.#options;
    if (!admitsPython(metadata.requiresPython, target)) {
      const python = `needs Python ${metadata.requiresPythonText ?? ''}, which ${target.id} is not`;
      if (!isInsisted(file, metadata.requiresPython, target, pins)) return { unusable: python };
      this.#options.warn(
        `${name} ${version.text} ${python}: it is taken because you pin it, and pip installs it with --ignore-requires-python alone`,
      );
    }
    const extra = node === name ? '' : node.slice(name.length + 1, -1);
    const dependencies: Dependency[] = [];
    if (extra !== '') {
      dependencies.push({
        ...{ node: name, name, specifiers: [], text: name, extras: [] },
        exact: version,
      });
      if (!metadata.extras.has(extra)) {
        this.#options.warn(`${name} ${version.text} has no extra "${extra}"`);
      }
    }
    for (const requirement of metadata.requires) {
      if (requirement.url !== undefined && this.#applies(requirement, extra)) {
        return {
          unusable: `needs ${requirement.text} by address, which only the user may (${file.filename})`,
        };
      }
      dependencies.push(...this.edges(requirement, extra));
    }
    return { dependencies };
  }

  /** The edges of a requirement here: its package and each extra; none where its marker does not hold. */
  edges(requirement: Requirement, extra: string): Dependency[] {
    if (!this.#applies(requirement, extra)) return [];
    const { name, extras, specifiers } = requirement;
    const text = (requirement.text.split(';', 1)[0] ?? '').trimEnd();
    const edge = { name, specifiers, text };
    return [
      { ...edge, node: name, extras },
      ...extras.map((one) => ({ ...edge, node: `${name}[${one}]` })),
    ];
  }

  #applies({ marker }: Requirement, extra: string): boolean {
    return holdsOn(this.#options.target, marker, extra);
  }

  /** sdists that were asked for, and passed over because only a build would tell what they need. */
  mustBuild(names: ReadonlySet<string>): MustBuild[] {
    return [...this.#mustBuild.values()].filter(({ name }) => names.has(name));
  }

  /** The file behind a chosen version. */
  chosen(name: string, version: Version): Chosen | undefined {
    return this.#chosen.get(`${name}\0${version.text}`);
  }

  #files(name: string): Promise<OfferedFile[]> {
    let files = this.#usable.get(name);
    if (files === undefined) {
      files = this.#load(name);
      this.#usable.set(name, files);
    }
    return files;
  }

  /** Usable files, most preferred first. */
  async #load(name: string): Promise<OfferedFile[]> {
    const { direct, indexes, hashes } = this.#options;
    const offered = direct.get(name) ?? (await indexes.files(name));
    const usable = offered.filter(
      (file) => this.misfit(file) === undefined && this.#isOldEnough(file),
    );
    const wanted = hashes.get(name) ?? [];
    const isOther = ({ digests }: OfferedFile): boolean =>
      wanted.length > 0 && hashVerdict(digests, wanted) === 'broken';
    this.#ofOtherHash.set(name, usable.filter(isOther));
    const matching = usable.filter((file) => !isOther(file));
    // Ties go to the file that stands last, as in pip.
    return matching
      .map((file, position) => ({ file, position }))
      .sort((a, b) => this.#compare(b.file, a.file) || b.position - a.position)
      .map(({ file }) => file);
  }

  #isAllowedFormat({ parsed }: OfferedFile): boolean {
    const { onlyBinary, noBinary } = this.#options.settings;
    const names = (control: typeof onlyBinary): boolean => control.names.has(parsed.name);
    const isWheel = parsed.kind === 'wheel';
    if (isWheel) return names(onlyBinary) || !(names(noBinary) || noBinary.all);
    return names(noBinary) || !(names(onlyBinary) || onlyBinary.all);
  }

  /** What the user names by address or folder has no upload time, and needs none. */
  #isOldEnough(file: OfferedFile): boolean {
    const { notNewerThan } = this.#options;
    if (notNewerThan === undefined || file.index === undefined) return true;
    const uploaded = Date.parse(file.uploadTime ?? '');
    if (uploaded <= notNewerThan.getTime()) return true;
    const { name } = file.parsed;
    this.#tooNew.set(name, [...(this.#tooNew.get(name) ?? []), file]);
    return false;
  }

  /** Files of a name that would fit, but for `notNewerThan`. */
  tooNew(name: string): readonly OfferedFile[] {
    return this.#tooNew.get(name) ?? [];
  }

  /** Files of a name that would fit, but have none of the hashes that are demanded. */
  ofOtherHash(name: string): readonly OfferedFile[] {
    return this.#ofOtherHash.get(name) ?? [];
  }

  #fits({ parsed }: OfferedFile): boolean {
    return parsed.kind === 'sdist' || parsed.tags.some((tag) => this.#options.target.tags.has(tag));
  }

  /** Why a file is not for this target, whatever its version, and what would let it in. */
  misfit(file: OfferedFile): { reason: string; way: string } | undefined {
    const { target, pins } = this.#options;
    if (!this.#isAllowedFormat(file)) {
      const [kind, option] =
        file.parsed.kind === 'wheel' ? ['wheels', '--no-binary'] : ['sdists', '--only-binary'];
      return { reason: `is left out by ${option}`, way: `allow ${kind} of ${file.parsed.name}` };
    }
    if (!this.#fits(file)) {
      return {
        reason: `is for other platforms or Pythons than ${target.id}`,
        way: 'plan for one of them with --target',
      };
    }
    const { requiresPython, requiresPythonText = '' } = file;
    if (admitsPython(requiresPython, target) || isInsisted(file, requiresPython, target, pins))
      return undefined;
    return {
      reason: `needs Python ${requiresPythonText}, which ${target.id} is not`,
      way: 'plan for such a Python with --python',
    };
  }

  /** pip's order: version, then wheels by tag, then build tag; sdists last. */
  #compare(a: OfferedFile, b: OfferedFile): number {
    const binary = Number(a.parsed.kind === 'wheel') - Number(b.parsed.kind === 'wheel');
    return (
      Number(b.yanked !== undefined) - Number(a.yanked !== undefined) ||
      (this.#options.settings.preferBinary ? binary : 0) ||
      compareVersions(a.parsed.version, b.parsed.version) ||
      this.#rank(b) - this.#rank(a) ||
      compareBuilds(buildOf(a), buildOf(b))
    );
  }

  #rank({ parsed }: OfferedFile): number {
    const { tags } = this.#options.target;
    if (parsed.kind === 'sdist') return tags.size;
    return Math.min(...parsed.tags.map((tag) => tags.get(tag) ?? Infinity));
  }

  /** The first file of a version that can be read; why the last could not, where none can. */
  async #describe(name: string, version: Version): Promise<Chosen | { unusable: string }> {
    const files = (await this.#files(name)).filter(
      ({ parsed }) => parsed.version.text === version.text,
    );
    let problem = 'has no file for this target';
    for (const file of files) {
      try {
        return { ...(await this.#options.distributions.describe(file)), file };
      } catch (thrown) {
        if (thrown instanceof XError && thrown.code === 'PACKAGE_NOT_FOUND')
          throw notThere(file, thrown);
        const isFilesFault =
          thrown instanceof XError &&
          ['UPSTREAM_MALFORMED', 'NO_ARTIFACT', 'LIMIT_EXCEEDED'].includes(thrown.code);
        if (!isFilesFault) throw thrown;
        if (thrown.code === 'NO_ARTIFACT')
          this.#mustBuild.set(file.url, { name, version, filename: file.filename });
        problem = `cannot be used: ${thrown.message}`;
      }
    }
    return { unusable: problem };
  }
}

/** As in pip, another file does not silently take the place of one that the index lists. */
function notThere({ filename, parsed }: OfferedFile, cause: XError): XError {
  return new XError('NO_ARTIFACT', `${filename} is listed, but not there: ${cause.message}`, {
    hint: `The index and its files are out of step: try again later, or pin another version of ${parsed.name}.`,
    cause,
  });
}

function buildOf({ parsed }: OfferedFile): string {
  return parsed.kind === 'wheel' ? parsed.build : '';
}

/** Numerically by the leading digits, then by the rest; none comes first. */
function compareBuilds(a: string, b: string): number {
  const number = (build: string): number => (build === '' ? -1 : Number.parseInt(build, 10));
  const rest = (build: string): string => build.replace(/^[0-9]+/, '');
  return number(a) - number(b) || (rest(a) < rest(b) ? -1 : Number(rest(a) > rest(b)));
}
