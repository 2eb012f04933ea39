import { isPurlLine } from '../../domain/purl.js';
import type { EcosystemSource, InputFile, ReadInput } from '../../ports/ecosystem.js';
import type { PypiRequirements } from './input.js';
import type { PlanDeps } from './plan.js';
import { readPylock } from './pylock.js';
import { readPyproject } from './pyproject.js';
import { readRequirementsFile } from './requirements-file.js';
import { rewritePypiInput } from './rewrite-input.js';

/**
 * Python's half of a source: requirement files in, wheels and sdists planned and proved. What plans and
 * what seals is loaded by who asks for it.
 */
export function createPypiSource(deps: PlanDeps): EcosystemSource<PypiRequirements> {
  return {
    name: 'pypi',
    purlType: 'pypi',
    claims: claimsPypi,
    // Lock files and projects name what lies beside them: those are read here.
    claimsFetched: (file) => !/\.(?:json|ya?ml|toml|lock|apt|list)$/i.test(baseName(file)),
    read: (file, readFile) => readPypi(file, readFile, deps),
    plan: async (request) => (await import('./plan.js')).planPypi(request, deps),
    seal: async (request) => (await import('./seal.js')).sealPypi(request, deps.upstream),
    rewriteInput: (file, gateway, besideOf) =>
      Promise.resolve(rewritePypiInput(file, { gateway, besideOf, env: deps.env })),
  };
}

async function readPypi(
  file: InputFile,
  readFile: (path: string) => Promise<InputFile>,
  { env, choices, isThere }: PlanDeps,
): Promise<ReadInput<PypiRequirements>> {
  if (isPyproject(file)) return readPyproject(file, choices);
  if (isPylock(file)) return readPylock(file, choices);
  return readRequirementsFile(file, { readFile, env, isThere });
}

function baseName({ path }: InputFile): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

function isPyproject(file: InputFile): boolean {
  return baseName(file) === 'pyproject.toml';
}

function isPylock(file: InputFile): boolean {
  return /^pylock(?:\.[^.]+)?\.toml$/.test(baseName(file));
}

/** Python's by name, or a text whose first lines are requirements, options of pip, or purls. */
function claimsPypi(file: InputFile): boolean {
  const name = baseName(file);
  if (isPyproject(file) || isPylock(file)) return true;
  if (/\.(?:json|ya?ml|toml|lock|apt)$/i.test(name)) return false;
  const all = file.text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '');
  const lines = all.filter((line) => !/^\s*#/.test(line));
  // A list of nothing but purls is everybody's, whatever it is called.
  if (all.some(isPurlLine) && lines.every(isPurlLine)) return true;
  if (/\.list$/i.test(name)) return false;
  if (/(?:requirements|constraints)[^/]*\.(?:txt|in)$/i.test(name)) return true;
  if (lines.some((line) => /^\S+\s+(?:install|deinstall|hold|purge)\s*$/.test(line))) return false;
  // A .txt with lines of any other kind is still one: the lines are then named, not the file refused.
  return /\.(?:txt|in)$/i.test(name) || lines.every((line) => REQUIREMENT_LIKE.test(line));
}

const REQUIREMENT_LIKE =
  /^\s*(?:pkg:\S+|--?[a-z][a-z-]*\b.*|[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*(?:(?:\(|@|;|[<>=!~]=|[<>]).*)?(?:\s#.*)?)$/;
