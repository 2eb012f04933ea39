import { isDeepStrictEqual } from 'node:util';
import type { Metadata, Root } from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { messageOf, XError } from '../domain/errors.js';
import { checkSignature } from './check-file.js';
import { checkMark } from './mark.js';
import { rootFileName } from './names.js';
import { markOf, parseRoot } from './parse.js';
import { tufKeyOfDid } from './tuf-key.js';

interface RootRequest {
  bundle: string;
  source: Did;
  /** A root file by name, bounded; undefined ends the chain. */
  read(name: string): Promise<Uint8Array | undefined>;
}

interface CheckedRoots {
  root: Metadata<Root>;
  files: Map<string, Uint8Array>;
  /** Whether the timestamp's or snapshot's keys are others than in the root of an older version. */
  replacedAfter(version: number): boolean;
}

/**
 * The root chain from version 1, which the source's own key signed, to the newest: each signed by
 * the keys of the one before and by its own (TUF 1.0.31 section 5.3).
 * @throws XError SIGNATURE_INVALID, WRONG_SOURCE, METADATA_INVALID, ROLLBACK.
 */
export async function checkRootChain(request: RootRequest): Promise<CheckedRoots> {
  const files = new Map<string, Uint8Array>();
  const roots: Metadata<Root>[] = [];
  for (let version = 1; version <= BOUNDS.rootRotations + 1; version += 1) {
    const name = rootFileName(version);
    const bytes = await request.read(name);
    if (bytes === undefined) break;
    if (version > BOUNDS.rootRotations) {
      throw new XError('METADATA_INVALID', `more than ${BOUNDS.rootRotations} root versions`);
    }
    const root = parseRoot(name, bytes);
    const previous = roots.at(-1);
    if (previous) checkSuccessor(name, version, previous, root);
    else checkFirst(name, root, request);
    checkMark(name, markOf(root.signed), request);
    files.set(name, bytes);
    roots.push(root);
  }
  const root = roots.at(-1);
  if (root === undefined) {
    throw new XError('METADATA_INVALID', `the metadata of "${request.bundle}" lacks 1.root.json`);
  }
  return { root, files, replacedAfter: (version) => isReplaced(roots[version - 1], root) };
}

function checkFirst(name: string, root: Metadata<Root>, request: RootRequest): void {
  if (root.signed.version !== 1) {
    throw new XError('METADATA_INVALID', `${name} is version ${root.signed.version} inside`);
  }
  checkMark(name, markOf(root.signed), request);
  const key = tufKeyOfDid(request.source);
  try {
    key.verifySignature(root);
  } catch (cause) {
    throw new XError(
      'SIGNATURE_INVALID',
      `${name} is not signed by ${request.source}: ${messageOf(cause)}`,
      { hint: 'Whoever made it does not hold the source’s key. Take it from the source itself.' },
    );
  }
  if (!root.signed.roles['root']?.keyIDs.includes(key.keyID)) {
    throw new XError(
      'SIGNATURE_INVALID',
      `${name} does not give its root role to ${request.source}`,
    );
  }
  checkSignature(root, 'root', name, root);
}

function checkSuccessor(
  name: string,
  version: number,
  previous: Metadata<Root>,
  root: Metadata<Root>,
): void {
  checkSignature(previous, 'root', name, root);
  if (root.signed.version !== version) {
    throw new XError(
      root.signed.version < version ? 'ROLLBACK' : 'METADATA_INVALID',
      `${name} is version ${root.signed.version} inside`,
    );
  }
  checkSignature(root, 'root', name, root);
}

function isReplaced(before: Metadata<Root> | undefined, now: Metadata<Root>): boolean {
  if (before === undefined || before === now) return false;
  return (['timestamp', 'snapshot'] as const).some((role) => {
    const old = before.signed.roles[role]?.keyIDs;
    return !isDeepStrictEqual(old, now.signed.roles[role]?.keyIDs);
  });
}
