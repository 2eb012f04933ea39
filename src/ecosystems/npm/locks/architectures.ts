import { BOUNDS } from '../../../domain/bounds.js';
import { messageOf, XError } from '../../../domain/errors.js';
import type { JsonObject, JsonValue } from '../../../domain/plan.js';
import { isObject, list } from '../json.js';
import type { NpmPlatform } from '../platform.js';
import type { ReadFile } from '../project.js';

/** What a project has its client install for, in npm's words; `current` is where the client runs. */
export interface Architectures {
  os: string[];
  cpu: string[];
  libc: string[];
}

/** No system has more; a longer list is cut. */
const MAX_VALUES = 16;

/**
 * `supportedArchitectures`: of Yarn in .yarnrc.yml, of pnpm in pnpm-workspace.yaml or in package.json.
 * @throws XError INPUT_MALFORMED where such a file is no YAML.
 * @see https://yarnpkg.com/configuration/yarnrc#supportedArchitectures
 * @see https://pnpm.io/settings#supportedarchitectures
 */
export async function architecturesOf(
  client: 'yarn' | 'pnpm',
  manifest: JsonObject | undefined,
  readFile: ReadFile,
): Promise<Architectures | undefined> {
  const settings = await settingsIn(
    client === 'yarn' ? '.yarnrc.yml' : 'pnpm-workspace.yaml',
    readFile,
  );
  const pnpm = client === 'pnpm' ? manifest?.['pnpm'] : undefined;
  const found =
    settings['supportedArchitectures'] ??
    (isObject(pnpm) ? pnpm['supportedArchitectures'] : undefined);
  if (!isObject(found)) return undefined;
  return { os: valuesOf(found['os']), cpu: valuesOf(found['cpu']), libc: valuesOf(found['libc']) };
}

/** The platforms that a client which runs on one of them installs for as well. */
export function platformsBeside(
  platform: NpmPlatform,
  architectures: Architectures | undefined,
): NpmPlatform[] {
  if (architectures === undefined) return [];
  const { os, cpu, libc } = architectures;
  const own = <T>(values: readonly string[], current: T): (string | T)[] =>
    values.map((value) => (value === 'current' ? current : value));
  return own(os, platform.os).flatMap((system) =>
    own(cpu, platform.cpu).flatMap((processor) =>
      own(libc, platform.libc).map((library) => ({
        os: system,
        cpu: processor,
        libc: system === 'linux' ? library : undefined,
        node: platform.node,
      })),
    ),
  );
}

function valuesOf(value: JsonValue | undefined): string[] {
  const values = list(value).slice(0, MAX_VALUES);
  return values.length === 0 ? ['current'] : values;
}

async function settingsIn(name: string, readFile: ReadFile): Promise<JsonObject> {
  let path = name;
  try {
    const file = await readFile(name);
    path = file.path;
    if (!file.text.includes('supportedArchitectures')) return {};
    // Only who has such settings pays for the parser.
    const { load, CORE_SCHEMA } = await import('js-yaml');
    const bounds = { schema: CORE_SCHEMA, maxDepth: BOUNDS.inputNesting, maxAliases: 0 };
    const settings: unknown = load(file.text.replace(/^\uFEFF/, ''), bounds);
    return isObject(settings) ? settings : {};
  } catch (thrown) {
    if (thrown instanceof XError && thrown.code === 'INPUT_NOT_FOUND') return {};
    if (thrown instanceof XError) throw thrown;
    throw new XError('INPUT_MALFORMED', `${path}: no YAML: ${messageOf(thrown).slice(0, 300)}`, {
      hint: 'Correct the file at that place; its client cannot read it either.',
      cause: thrown,
    });
  }
}
