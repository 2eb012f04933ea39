import { glob, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { MalformedLines } from '../domain/malformed.js';
import type { AdvisoryFeed } from '../ecosystems/npm/advisories/document.js';
import { parseOsv, type Advisory } from '../domain/osv.js';
import { npmAdvisory, type Advisory as NpmAdvisory } from '../ecosystems/npm/advisories/osv.js';
import type { Report } from '../ports/progress.js';

const SHOWN_WARNINGS = 5;

/**
 * The advisories that `--advisories` names: OSV files, lists of them (JSON, or one a line), archives of
 * them (`all.zip` of osv.dev), and folders of any of these. What was withdrawn is counted, not kept.
 * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE, INPUT_MALFORMED (all that is wrong), LIMIT_EXCEEDED.
 */
export async function readOsvFiles(
  paths: readonly string[],
): Promise<{ advisories: Advisory[]; read: number }> {
  const byId = new Map<string, Advisory>();
  const malformed = new MalformedLines();
  let read = 0;
  for (const path of paths) {
    for await (const { where, text } of textsOf(path)) {
      for (const { json, at } of recordsOf(text, where, malformed)) {
        read += 1;
        if (read > BOUNDS.advisories) {
          throw new XError('LIMIT_EXCEEDED', `more than ${BOUNDS.advisories} advisories`);
        }
        try {
          const advisory = parseOsv(json, at);
          if (advisory !== undefined) byId.set(advisory.id, advisory);
        } catch (error) {
          malformed.add(error);
        }
      }
    }
  }
  malformed.throwIfAny();
  if (read === 0 && paths.length > 0) {
    throw new XError('INPUT_NOT_FOUND', `${paths.join(', ')}: no advisory in it`, {
      hint: 'Name OSV files (*.json), an archive of them (*.zip), or a folder of either.',
    });
  }
  return { advisories: [...byId.values()], read };
}

/** The same, of npm's packages, as a bundle carries them. @throws XError as readOsvFiles. */
export async function readAdvisories(
  paths: readonly string[],
  report: Report,
): Promise<AdvisoryFeed | undefined> {
  if (paths.length === 0) return undefined;
  const { advisories, read } = await readOsvFiles(paths);
  const warnings: string[] = [];
  const ofNpm: NpmAdvisory[] = [];
  for (const record of advisories) {
    const parsed = npmAdvisory(record);
    warnings.push(...parsed.warnings);
    if (parsed.advisory !== undefined) ofNpm.push(parsed.advisory);
  }
  for (const warning of warnings.slice(0, SHOWN_WARNINGS)) {
    report({ event: 'warning', message: `advisory ${warning}` });
  }
  if (warnings.length > SHOWN_WARNINGS) {
    const message = `${warnings.length - SHOWN_WARNINGS} more ranges of advisories cannot be read`;
    report({ event: 'warning', message });
  }
  return { advisories: ofNpm, read };
}

/** A text that advisories stand in, and where that lies. */
interface AdvisoryText {
  where: string;
  text: string;
}

/**
 * The texts of a file, an archive or a folder of advisories.
 * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE, LIMIT_EXCEEDED.
 */
async function* textsOf(path: string): AsyncGenerator<AdvisoryText> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    const isMissing = systemCodeOf(error) === 'ENOENT';
    throw new XError(
      isMissing ? 'INPUT_NOT_FOUND' : 'INPUT_UNREADABLE',
      isMissing ? `there is no file ${path}` : `cannot read ${path}: ${messageOf(error)}`,
      { hint: 'Name an OSV file, an archive or a folder after --advisories.', cause: error },
    );
  }
  if (!isFolder) return yield* textsOfFile(path);
  // Node's glob enters no folder behind a link.
  for await (const file of glob('**/*.{json,jsonl,ndjson,zip}', { cwd: path })) {
    yield* textsOfFile(join(path, file));
  }
}

async function* textsOfFile(path: string): AsyncGenerator<AdvisoryText> {
  if (path.endsWith('.zip')) return yield* textsOfArchive(path);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    bounded(path, size);
    yield { where: path, text: await file.readFile('utf8') };
  } finally {
    await file.close();
  }
}

async function* textsOfArchive(path: string): AsyncGenerator<AdvisoryText> {
  try {
    const archive = await yauzl.openPromise(path, {});
    for await (const entry of archive.eachEntry()) {
      if (!/\.jsonl?$/.test(entry.fileName)) continue;
      const where = `${path}:${entry.fileName}`;
      bounded(where, entry.uncompressedSize);
      yield { where, text: await textOfEntry(archive, entry) };
    }
  } catch (error) {
    if (error instanceof XError) throw error;
    throw new XError('INPUT_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function textOfEntry(archive: ZipFile, entry: Entry): Promise<string> {
  const stream = await archive.openReadStreamPromise(entry);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}

function bounded(where: string, bytes: number): void {
  if (bytes <= BOUNDS.advisoryFileBytes) return;
  throw new XError(
    'LIMIT_EXCEEDED',
    `${where} has ${bytes} bytes; at most ${BOUNDS.advisoryFileBytes} are read`,
  );
}

/** One record, a list of them, the answer of a query (`vulns`), or one a line. */
function* recordsOf(
  text: string,
  where: string,
  malformed: MalformedLines,
): Generator<{ json: unknown; at: string }> {
  let whole: unknown;
  try {
    whole = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    if (!/\.(jsonl|ndjson)$/.test(where)) {
      malformed.add(
        new XError('INPUT_MALFORMED', `${where}: not JSON: ${messageOf(cause)}`, { cause }),
      );
      return;
    }
    yield* recordsOfLines(text, where, malformed);
    return;
  }
  const answer = (whole as { vulns?: unknown } | null)?.vulns;
  const list = [whole, answer].find((one): one is unknown[] => Array.isArray(one));
  if (list === undefined) yield { json: whole, at: where };
  else for (const [at, json] of list.entries()) yield { json, at: `${where}[${at}]` };
}

function* recordsOfLines(
  text: string,
  where: string,
  malformed: MalformedLines,
): Generator<{ json: unknown; at: string }> {
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      yield { json: JSON.parse(line), at: `${where}:${at + 1}` };
    } catch (cause) {
      malformed.add(
        new XError('INPUT_MALFORMED', `${where}:${at + 1}: not JSON: ${messageOf(cause)}`, {
          cause,
        }),
      );
    }
  }
}
