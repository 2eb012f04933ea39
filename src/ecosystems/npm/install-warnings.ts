import type { PlannedArtifact } from '../../domain/plan.js';
import { foreignAddress } from './foreign.js';
import { needOf, type InstallNeed } from './install-needs.js';

const NAMES_IN_A_LINE = 12;

/** What has to be known before the trip of packages that do more than lie there, one line a matter. */
export function installWarnings(artifacts: readonly PlannedArtifact[]): string[] {
  const needs = artifacts.map((artifact) => ({ artifact, need: needOf(artifact) }));
  const named = (kind: InstallNeed['kind']): PlannedArtifact[] =>
    needs.filter(({ need }) => need.kind === kind).map(({ artifact }) => artifact);
  const lines = needs.flatMap(({ artifact, need }) =>
    need.kind === 'download' ? [downloadLine(artifact, need.advice)] : [],
  );
  for (const { filename, name, detail } of artifacts) {
    const address = foreignAddress(detail);
    if (address === undefined) continue;
    lines.push(
      `npm: ${name} comes from ${address}, where a plain client would look for it: "x inputs" writes package.json and lockfile that ask the gateway instead (GATEWAY/npm/${name}/-/${filename})`,
    );
  }
  const compiled = named('compiler');
  if (compiled.length > 0) {
    lines.push(
      `npm: compiled where they are installed, which takes a C++ compiler, make and Python 3 there: ${shown(compiled)}`,
    );
  }
  const fetching = named('binary-or-compiler');
  if (fetching.length > 0) {
    lines.push(
      `npm: ask their makers’ servers for a binary and, where those cannot be reached, are compiled, which takes a C++ compiler, make and Python 3 there: ${shown(fetching)}`,
    );
  }
  const unknown = named('unknown');
  if (unknown.length > 0) {
    lines.push(
      `npm: install scripts, which may need the internet or a compiler where they run (or install with --ignore-scripts): ${shown(unknown)}`,
    );
  }
  return lines;
}

function downloadLine({ name, version, detail }: PlannedArtifact, advice: string): string {
  const scripts = detail['scripts'];
  const script = JSON.stringify(scripts ?? {}).slice(0, 200);
  const what =
    advice === ''
      ? `its install script fetches from elsewhere (${script}); its documentation may say how to do without, else install with --ignore-scripts`
      : advice;
  return `npm: ${name}@${version}: ${what}`;
}

function shown(artifacts: readonly PlannedArtifact[]): string {
  const names = artifacts.map(({ name, version }) => `${name}@${version}`);
  const more = names.length - NAMES_IN_A_LINE;
  return names.slice(0, NAMES_IN_A_LINE).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
