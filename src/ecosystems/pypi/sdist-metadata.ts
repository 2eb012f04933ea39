import { parse } from 'smol-toml';
import { messageOf, XError } from '../../domain/errors.js';
import type { SdistFiles } from './archive-metadata.js';
import { isStatic, metadataOf, parseCoreMetadata, type CoreMetadata } from './core-metadata.js';
import { normalizeName, type SdistName } from './filename.js';
import { isProblem, parseRequirement } from './requirement.js';
import {
  requirementsOfEggInfo,
  requirementsOfSetupCfg,
  type WrittenDown,
} from './setuptools-files.js';

/** What an sdist says of itself without being built. */
export interface SdistDescription {
  metadata: CoreMetadata;
  buildRequires: readonly string[];
  /** Where its dependencies stand, when another build might say otherwise; undefined where none may. */
  hearsay: string | undefined;
}

type Table = Record<string, unknown>;

/**
 * Reads an sdist's metadata from what stands in it, the surest first: PKG-INFO of 2.2 or newer in which
 * nothing that matters is dynamic (PEP 643); [project] of pyproject.toml (PEP 621); setup.cfg where no
 * setup.py does more than call setup(); at last what its author's build wrote into it - the egg-info of
 * setuptools, or PKG-INFO of a backend that computes nothing.
 * @param where names the file in errors.
 * @returns undefined where only a build would tell.
 * @throws XError UPSTREAM_MALFORMED.
 */
export function describeSdist(
  files: SdistFiles,
  name: SdistName,
  where: string,
): SdistDescription | undefined {
  const document = tomlOf(files.pyproject, where);
  const buildRequires = buildRequiresOf(document, where);
  const pkgInfo = files.pkgInfo === undefined ? undefined : parseCoreMetadata(files.pkgInfo, where);
  if (pkgInfo !== undefined && isStatic(pkgInfo)) {
    return { metadata: pkgInfo, buildRequires, hearsay: undefined };
  }
  const said =
    ofProject(document) ??
    (isSetuptools(document) ? ofSetupCfg(files) : undefined) ??
    (isSetuptools(document) ? ofEggInfo(files) : undefined);
  if (said !== undefined) {
    const requiresPython = said.requiresPython ?? pkgInfo?.requiresPythonText;
    const metadata = metadataOf({ ...said, requiresPython }, name, where);
    return { metadata, buildRequires, hearsay: said.hearsay };
  }
  if (pkgInfo === undefined || !computesNothing(document)) return undefined;
  return { metadata: pkgInfo, buildRequires, hearsay: 'PKG-INFO' };
}

function tomlOf(pyproject: Uint8Array | undefined, where: string): Table | undefined {
  if (pyproject === undefined) return undefined;
  try {
    return parse(new TextDecoder().decode(pyproject));
  } catch (cause) {
    const problem = messageOf(cause).split('\n')[0] ?? '';
    throw new XError('UPSTREAM_MALFORMED', `${where}: pyproject.toml is not TOML: ${problem}`, {
      cause,
    });
  }
}

function tableOf(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Table)
    : {};
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** A backend must take what [project] says as it stands, but for what it calls dynamic. */
function ofProject(
  document: Table | undefined,
): (WrittenDown & { hearsay: undefined }) | undefined {
  if (document?.['project'] === undefined) return undefined;
  const project = tableOf(document['project']);
  const dynamic: unknown[] = Array.isArray(project['dynamic']) ? project['dynamic'] : [];
  const isHidden = ['dependencies', 'optional-dependencies', 'requires-python'].some((field) =>
    dynamic.includes(field),
  );
  const dependencies = project['dependencies'] ?? [];
  const optional = Object.entries(tableOf(project['optional-dependencies']));
  if (isHidden || !isTexts(dependencies)) return undefined;
  const requires = [...dependencies];
  for (const [extra, texts] of optional) {
    if (!isTexts(texts)) return undefined;
    requires.push(...texts.map((text) => withMarker(text, `extra == "${normalizeName(extra)}"`)));
  }
  const python = project['requires-python'];
  return {
    requires,
    extras: optional.map(([extra]) => extra),
    requiresPython: typeof python === 'string' ? python : undefined,
    hearsay: undefined,
  };
}

/** A requirement that holds under one more condition. */
export function withMarker(requirement: string, marker: string): string {
  const at = requirement.indexOf(';');
  if (at < 0) return `${requirement.trim()} ; ${marker}`;
  const [text, own] = [requirement.slice(0, at).trim(), requirement.slice(at + 1).trim()];
  return own === '' ? `${text} ; ${marker}` : `${text} ; (${own}) and ${marker}`;
}

function ofSetupCfg(files: SdistFiles): (WrittenDown & { hearsay: undefined }) | undefined {
  if (files.setupCfg === undefined || !isTrivial(files.setupPy)) return undefined;
  const said = requirementsOfSetupCfg(new TextDecoder().decode(files.setupCfg));
  return said && { ...said, hearsay: undefined };
}

function ofEggInfo({ eggInfo }: SdistFiles): (WrittenDown & { hearsay: string }) | undefined {
  if (eggInfo === undefined) return undefined;
  const text = eggInfo.requires === undefined ? '' : new TextDecoder().decode(eggInfo.requires);
  return { ...requirementsOfEggInfo(text), hearsay: 'egg-info' };
}

/** A setup.py that does nothing but call setup(), or none. */
function isTrivial(setupPy: Uint8Array | undefined): boolean {
  if (setupPy === undefined) return true;
  const code = new TextDecoder()
    .decode(setupPy)
    .split(/\r?\n/)
    .map((line) => line.replace(/\s*#.*$/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.replace(/^(?:setuptools\.)?setup\(\s*\)$/, 'setup()'));
  const known = new Set([
    'import setuptools',
    'from setuptools import setup',
    "if __name__ == '__main__':",
    'if __name__ == "__main__":',
    'setup()',
  ]);
  return code.includes('setup()') && code.every((line) => known.has(line));
}

function backendOf(document: Table | undefined): string | undefined {
  const backend = tableOf(document?.['build-system'])['build-backend'];
  return typeof backend === 'string' ? backend : undefined;
}

function isSetuptools(document: Table | undefined): boolean {
  const system = tableOf(document?.['build-system']);
  if (system['backend-path'] !== undefined) return false;
  return (backendOf(document) ?? 'setuptools').startsWith('setuptools');
}

/** Backends whose metadata is read off their own tables alone, wherever they run. */
function computesNothing(document: Table | undefined): boolean {
  return /^(?:poetry\.|flit_core\.|flit\.|pdm\.)/.test(backendOf(document) ?? '');
}

/**
 * PEP 518; the default backend of PEP 517 where pyproject.toml says nothing. setuptools before 70.1
 * asks for wheel only once it runs (PEP 517's get_requires_for_build_wheel), and older pips ask for
 * it by default, so that wheel is always carried with it.
 */
function buildRequiresOf(document: Table | undefined, where: string): string[] {
  const fallback = ['setuptools>=40.8.0', 'wheel'];
  const requires = tableOf(document?.['build-system'])['requires'];
  if (requires === undefined) return fallback;
  if (isTexts(requires)) return withWheel(requires);
  throw new XError('UPSTREAM_MALFORMED', `${where}: build-system.requires is not a list of texts`);
}

/** Build requirements, with wheel where setuptools is one of them. */
export function withWheel(requires: readonly string[]): string[] {
  const names = requires.map((text) => {
    const parsed = parseRequirement(text);
    return isProblem(parsed) ? '' : parsed.name;
  });
  const lacksWheel = names.includes('setuptools') && !names.includes('wheel');
  return lacksWheel ? [...requires, 'wheel'] : [...requires];
}
