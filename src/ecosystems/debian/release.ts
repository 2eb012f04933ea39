import { XError } from '../../domain/errors.js';
import { isDigest, type Sha256 } from '../../domain/digest.js';
import type { SeenRelease } from '../../ports/apt.js';
import { booleanOf, isFault, parseStanzas, wordsOf, type Stanza } from './deb822.js';

/** A Release file, its signature already verified. */
export interface Release {
  fields: Stanza;
  /** By path below the Release file. */
  files: Map<string, { sha256: Sha256; sizeBytes: number }>;
  date: Date | undefined;
  validUntil: Date | undefined;
  codename: string | undefined;
  suite: string | undefined;
  architectures: string[];
  components: string[];
  hasByHash: boolean;
}

/**
 * Parses the text of a Release file.
 * @throws XError UPSTREAM_MALFORMED.
 * @see https://wiki.debian.org/DebianRepository/Format
 */
export function parseRelease(text: string, where: string): Release {
  const stanzas = parseStanzas(text);
  if (isFault(stanzas)) throw malformed(where, `line ${stanzas.line}: ${stanzas.problem}`);
  const fields = stanzas[0];
  if (fields === undefined || stanzas.length > 1) throw malformed(where, 'not one stanza');
  const sha256Field = fields.get('sha256');
  if (sha256Field === undefined) throw malformed(where, 'it lists no SHA256 digests');
  return {
    fields,
    files: parseFiles(sha256Field, where),
    date: parseDate(fields.get('date'), where),
    validUntil: parseDate(fields.get('valid-until'), where),
    codename: fields.get('codename'),
    suite: fields.get('suite'),
    architectures: wordsOf(fields.get('architectures')),
    components: wordsOf(fields.get('components')),
    hasByHash: booleanOf(fields.get('acquire-by-hash')) ?? false,
  };
}

function parseFiles(field: string, where: string): Release['files'] {
  const files: Release['files'] = new Map();
  for (const line of field.split('\n')) {
    if (line.trim() === '') continue;
    const [sha256 = '', size = '', path = '', ...surplus] = line.trim().split(/\s+/);
    const isProper = isDigest('sha256', sha256) && /^[0-9]{1,15}$/.test(size) && path !== '';
    if (!isProper || surplus.length > 0 || path.split('/').includes('..')) {
      throw malformed(where, `SHA256 has the line "${line.slice(0, 120)}"`);
    }
    files.set(path, { sha256, sizeBytes: Number(size) });
  }
  return files;
}

function parseDate(text: string | undefined, where: string): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text.replace(/ UTC$/, ' GMT'));
  if (Number.isNaN(date.getTime())) throw malformed(where, `no date: ${text.slice(0, 60)}`);
  return date;
}

function malformed(where: string, problem: string): XError {
  return new XError('UPSTREAM_MALFORMED', `${where}: ${problem}`, {
    hint: 'The address may not be a Debian repository, or a proxy answers in its place.',
  });
}

/** apt's Acquire::Check-Valid-Until and Acquire::Check-Date, after a source's own options. */
export interface Freshness {
  checkValidUntil: boolean;
  checkDate: boolean;
}

/** How far into the future apt lets a Release file's date be. */
const MAX_FUTURE_MS = 10_000;

/**
 * Whether a Release file is one for now.
 * @returns a warning where it is too old or too new and apt's settings say not to mind.
 * @throws XError EXPIRED otherwise.
 */
export function checkFreshness(
  release: Release,
  { checkValidUntil, checkDate }: Freshness,
  now: Date,
  where: string,
): string | undefined {
  const { date, validUntil } = release;
  if (date !== undefined && date.getTime() > now.getTime() + MAX_FUTURE_MS) {
    const problem = `${where} is from the future: ${date.toISOString()}`;
    if (checkDate) {
      throw new XError('EXPIRED', problem, { hint: 'Set this machine’s clock.' });
    }
    return `${problem}; apt's Acquire::Check-Date is off, so it is accepted.`;
  }
  if (validUntil !== undefined && validUntil.getTime() < now.getTime()) {
    const days = Math.floor((now.getTime() - validUntil.getTime()) / DAY_MS);
    const problem = `${where} expired ${days} days ago (Valid-Until ${validUntil.toISOString()})`;
    if (checkValidUntil) {
      throw new XError('EXPIRED', problem, {
        hint: 'The mirror may be stale or held back; use another, or set Acquire::Check-Valid-Until "false" in apt’s configuration for a snapshot.',
      });
    }
    const age = date === undefined ? '' : `, made ${date.toISOString().slice(0, 10)}`;
    return `${problem}${age}; apt's Acquire::Check-Valid-Until is off, so it is accepted.`;
  }
  return undefined;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Refuses a Release file that goes back behind one seen before, or is of another release than that.
 * @returns what to remember of it; undefined where there is nothing new.
 * @throws XError ROLLBACK, METADATA_INVALID.
 */
export function checkSeen(
  { date, codename, fields }: Release,
  seen: SeenRelease | undefined,
  where: string,
): SeenRelease | undefined {
  if (date === undefined) return undefined;
  const now = { date: date.toISOString(), codename, origin: fields.get('origin') };
  if (seen === undefined) return now;
  if (date.getTime() < Date.parse(seen.date)) {
    throw new XError(
      'ROLLBACK',
      `${where} is of ${now.date}, older than the one of ${seen.date} that was read before`,
      { hint: 'The mirror lags behind or is held back: try again later, or use another.' },
    );
  }
  for (const field of ['codename', 'origin'] as const) {
    if (seen[field] === undefined || seen[field] === now[field]) continue;
    throw new XError(
      'METADATA_INVALID',
      `${where} has the ${field} ${now[field] ?? '(none)'} now; it was ${seen[field]} when it was read before`,
      {
        hint: 'A new release may have come out: name it by its codename in apt’s sources, or with --debian-suite.',
      },
    );
  }
  return now.date === seen.date ? undefined : now;
}

/**
 * Refuses a Release file of another suite than the one asked for: a mirror could otherwise answer a
 * security suite with an old one that is properly signed.
 * @throws XError METADATA_INVALID.
 */
export function checkSuite(release: Release, wanted: string, where: string): void {
  const { suite, codename } = release;
  // A flat repository has a path for a suite, and some publishers name neither.
  if (wanted.endsWith('/') || (suite === undefined && codename === undefined)) return;
  const plain = wanted.replace(/\/updates$/, '');
  const names = [suite, codename].filter((name) => name !== undefined);
  if (names.some((name) => name === wanted || name.replace(/\/updates$/, '') === plain)) return;
  throw new XError(
    'METADATA_INVALID',
    `${where} is for ${names.join(' or ')}, not for ${wanted} that was asked for`,
    { hint: 'Write the suite in apt’s sources by the name that the repository gives itself.' },
  );
}

/** Packages files of a component and architecture, the best compression first. */
export function packagesFilesOf(
  release: Release,
  component: string | undefined,
  architecture: string,
): string[] {
  const base =
    component === undefined ? 'Packages' : `${component}/binary-${architecture}/Packages`;
  return ['.xz', '.gz', '']
    .map((suffix) => base + suffix)
    .filter((path) => release.files.has(path));
}
