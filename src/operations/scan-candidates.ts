import { inflateRawSync, constants } from 'node:zlib';
import type { Digests } from '../domain/digest.js';
import type { MarkRequest } from '../ports/marked-files.js';

/** npm's cache: `content-v2/sha512/ab/cd/<the rest>` is the content of that digest. */
const NPM_CONTENT =
  /[/\\]content-v2[/\\](sha256|sha512)[/\\]([0-9a-f]{2})[/\\]([0-9a-f]{2})[/\\]([0-9a-f]+)$/;
/** pip's cache from 23.3 on: the body of an answer, beside its headers; its name is the address's hash. */
const PIP_BODY = /[/\\]http-v2(?:[/\\][0-9a-f]){5}[/\\][0-9a-f]{56}\.body$/;

/**
 * What a file is by where it lies and how it is called; undefined where it is no package. Nothing is
 * opened: `accepts` judges the first bytes later.
 */
export function scanCandidate(path: string): MarkRequest | undefined {
  const [, algorithm, ...parts] = NPM_CONTENT.exec(path) ?? [];
  if (algorithm !== undefined) {
    const expected: Digests = { [algorithm]: parts.join('') };
    return { path, ecosystem: 'npm', accepts: isTarGz, expected, withSha512: true };
  }
  const common = { path, expected: {} };
  if (PIP_BODY.test(path)) {
    const accepts = (head: Uint8Array): boolean => isZip(head) || isTarGz(head);
    return { ...common, ecosystem: 'pypi', accepts, withSha512: false };
  }
  const suffix = /\.(?:whl|tar\.gz|tgz|u?deb)$/i.exec(path)?.[0].toLowerCase() ?? '';
  switch (suffix) {
    case '.whl':
      return { ...common, ecosystem: 'pypi', accepts: isZip, withSha512: false };
    case '.tar.gz':
      return { ...common, ecosystem: 'pypi', accepts: isTarGz, withSha512: false };
    case '.tgz':
      return { ...common, ecosystem: 'npm', accepts: isTarGz, withSha512: true };
    case '.deb':
    case '.udeb':
      return { ...common, ecosystem: 'debian', accepts: isAr, withSha512: false };
    default:
      return undefined;
  }
}

/** A zip's first entry. */
function isZip(head: Uint8Array): boolean {
  return startsWith(head, [0x50, 0x4b, 0x03, 0x04]);
}

/** `!<arch>\n`, and a Debian package's first member. */
function isAr(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, 21)).toString('latin1') === '!<arch>\ndebian-binary';
}

/** `ustar` in the header of the first entry: caches have index pages that are gzip too. */
const MAGIC_AT = 257;

function isTarGz(head: Uint8Array): boolean {
  if (!startsWith(head, [0x1f, 0x8b, 0x08])) return false;
  const deflated = afterGzipHeader(head);
  if (deflated === undefined) return false;
  try {
    // Bounded by what goes in; the rest of the stream is not here.
    const first = inflateRawSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH });
    return first.subarray(MAGIC_AT, MAGIC_AT + 5).toString('latin1') === 'ustar';
  } catch {
    // No deflate stream.
    return false;
  }
}

/** RFC 1952 section 2.3; undefined where the header does not end within these bytes. */
function afterGzipHeader(head: Uint8Array): Uint8Array | undefined {
  const flags = head[3] ?? 0;
  let at = 10;
  if ((flags & 0x04) !== 0) at += 2 + (head[at] ?? 0) + ((head[at + 1] ?? 0) << 8);
  for (const flag of [0x08, 0x10]) {
    if ((flags & flag) === 0) continue;
    const end = head.indexOf(0, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  if ((flags & 0x02) !== 0) at += 2;
  return at < head.length ? head.subarray(at) : undefined;
}

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => head[index] === byte);
}
