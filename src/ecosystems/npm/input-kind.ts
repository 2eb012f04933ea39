import { basename } from 'node:path';
import type { InputFile } from '../../ports/ecosystem.js';
import { isObject } from './json.js';

export type InputKind = 'manifest' | 'lockfile' | 'foreign-lockfile';

/** What an input is to npm, by its name or else by its text; undefined where it is nothing of npm's. */
export function kindOf(file: InputFile): InputKind | undefined {
  switch (basename(file.path)) {
    case 'package.json':
      return 'manifest';
    case 'package-lock.json':
    case 'npm-shrinkwrap.json':
      return 'lockfile';
    case 'yarn.lock':
    case 'pnpm-lock.yaml':
      return 'foreign-lockfile';
    default:
      return kindOfContent(file.text);
  }
}

const MANIFEST_MEMBERS = ['dependencies', 'devDependencies', 'optionalDependencies', 'workspaces'];

function kindOfContent(text: string): InputKind | undefined {
  if (
    /^# yarn lockfile v1$/m.test(text.slice(0, 500)) ||
    /^__metadata:$/m.test(text.slice(0, 500)) ||
    /^lockfileVersion: '?[0-9.]+'?$/m.test(text.slice(0, 500))
  ) {
    return 'foreign-lockfile';
  }
  if (!/^\uFEFF?\s*\{/.test(text)) return undefined;
  try {
    const json: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (!isObject(json)) return undefined;
    if (typeof json['lockfileVersion'] === 'number') return 'lockfile';
    return MANIFEST_MEMBERS.some((member) => isObject(json[member])) ? 'manifest' : undefined;
  } catch {
    // Broken JSON under a name of its own is nobody's package.json.
    return undefined;
  }
}
