import { parseVersion, type Version } from './version.js';

/** PEP 503: runs of `-`, `_` and `.` become one `-`, in lower case. */
export function normalizeName(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

/** Whether a text can be a project's name at all. @see https://packaging.python.org/en/latest/specifications/name-normalization/ */
export function isProjectName(name: string): boolean {
  return name.length <= 200 && /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name);
}

/** One tag of PEP 425: `cp311-cp311-manylinux_2_17_x86_64`. */
export type WheelTag = string;

export interface WheelName {
  kind: 'wheel';
  /** Normalised. */
  name: string;
  version: Version;
  /** Empty where the file has no build tag. */
  build: string;
  tags: readonly WheelTag[];
}

export interface SdistName {
  kind: 'sdist';
  name: string;
  version: Version;
}

const MAX_FILENAME_LENGTH = 255;
/** A compressed tag set that opens into more is refused. */
const MAX_TAGS = 1_000;

/**
 * Reads a distribution's file name; undefined where it is none.
 * @see https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
 * @see https://packaging.python.org/en/latest/specifications/source-distribution-format/
 */
export function parseFilename(filename: string): WheelName | SdistName | undefined {
  if (filename.length > MAX_FILENAME_LENGTH || /[/\\\u0000-\u001f]/.test(filename))
    return undefined;
  if (filename.endsWith('.whl')) return parseWheelName(filename.slice(0, -'.whl'.length));
  const extension = /\.(?:tar\.gz|zip)$/.exec(filename);
  return extension ? parseSdistName(filename.slice(0, extension.index)) : undefined;
}

function parseWheelName(stem: string): WheelName | undefined {
  const parts = stem.split('-');
  if (parts.length !== 5 && parts.length !== 6) return undefined;
  const [namePart = '', versionPart = ''] = parts;
  const build = parts.length === 6 ? (parts[2] ?? '') : '';
  const version = parseVersion(versionPart.replaceAll('_', '-'));
  const isNameValid = /^[A-Za-z0-9](?:[\w.]*[A-Za-z0-9])?$/.test(namePart);
  if (!isNameValid || namePart.includes('__') || version === undefined) return undefined;
  if (parts.length === 6 && !/^[0-9]/.test(build)) return undefined;
  const [pythons = '', abis = '', platforms = ''] = parts.slice(-3);
  const tags = openTags(pythons, abis, platforms);
  return tags && { kind: 'wheel', name: normalizeName(namePart), version, build, tags };
}

function openTags(pythons: string, abis: string, platforms: string): WheelTag[] | undefined {
  const sets = [pythons, abis, platforms].map((set) => set.toLowerCase().split('.'));
  const [pythonSet = [], abiSet = [], platformSet = []] = sets;
  if (pythonSet.length * abiSet.length * platformSet.length > MAX_TAGS) return undefined;
  const tags = pythonSet.flatMap((python) =>
    abiSet.flatMap((abi) => platformSet.map((platform) => `${python}-${abi}-${platform}`)),
  );
  return [...new Set(tags)].sort();
}

function parseSdistName(stem: string): SdistName | undefined {
  const dash = stem.lastIndexOf('-');
  const name = stem.slice(0, Math.max(dash, 0));
  const version = parseVersion(stem.slice(dash + 1));
  if (!isProjectName(name) || version === undefined) return undefined;
  return { kind: 'sdist', name: normalizeName(name), version };
}
