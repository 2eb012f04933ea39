import type { Settings } from '../config/settings.js';
import type { BundleContents } from '../operations/bundle-contents.js';
import {
  diffBundles,
  type BundleDifference,
  type ChangedPackage,
  type PackageName,
  type PackageSide,
} from '../operations/diff-bundles.js';
import { openData } from './open-data.js';
import { formatBytes, table, type Printer } from './printer.js';
import { contentsOf } from './read-contents.js';

export interface DiffInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** Bundles' names or ids, volumes, folders of volumes. */
  from: string;
  to: string;
  /** A difference is exit code 1. */
  exitCode: boolean;
}

/** `x diff`: what came, went and changed from one bundle to another. */
export async function runDiff({ settings, printer, ...input }: DiffInput): Promise<void> {
  const data = await openData(settings.folder);
  try {
    const from = await contentsOf(data, printer, input.from);
    const to = await contentsOf(data, printer, input.to);
    const difference = diffBundles(from.entries, to.entries);
    printer.document(
      { from: headOf(from), to: headOf(to), ...difference },
      linesOf(from, to, difference),
    );
    if (input.exitCode && !isEmpty(difference)) process.exitCode = 1;
  } finally {
    await data.close();
  }
}

function headOf({ entries, ...head }: BundleContents) {
  const packages = entries.filter(({ kind }) => kind === 'package').length;
  return { ...head, files: entries.length, packages };
}

function isEmpty({ added, removed, changed, documents }: BundleDifference): boolean {
  const lists = [added, removed, changed, documents.added, documents.removed, documents.changed];
  return lists.every((list) => list.length === 0);
}

function linesOf(from: BundleContents, to: BundleContents, difference: BundleDifference): string[] {
  const { added, removed, changed, unchanged, documents, bytes, transferBytes } = difference;
  const rows = [
    ...added.map((one) => ['+', nameOf(one), versionsOf(one), sideNote(one)]),
    ...removed.map((one) => ['-', nameOf(one), versionsOf(one), sideNote(one)]),
    ...changed.map((one) => ['~', nameOf(one), changeOf(one), notesOf(one)]),
  ];
  const others = [
    ...documents.added.map((path) => `+ ${path}`),
    ...documents.removed.map((path) => `- ${path}`),
    ...documents.changed.map((path) => `~ ${path}`),
  ].filter((line) => line.includes(' inputs/original/'));
  const counts = `${added.length} added, ${removed.length} removed, ${changed.length} changed, ${unchanged} unchanged`;
  const size = `${formatBytes(bytes.from)} before, ${formatBytes(bytes.to)} now; ${formatBytes(transferBytes)} to carry to a machine that holds the first`;
  return [titleOf('from', from), titleOf('to', to), ...table(rows), ...others, counts, size];
}

function titleOf(side: string, { bundle, version, signedAt, source }: BundleContents): string {
  return `${side}: ${bundle}, version ${version}, signed ${signedAt} by ${source}`;
}

function nameOf({ ecosystem, name }: PackageName): string {
  return `${ecosystem}/${name}`;
}

function versionsOf({ versions }: PackageSide): string {
  return versions.join(', ');
}

function sideNote({ bytes, licences }: PackageSide): string {
  return [formatBytes(bytes), ...licences].join(', ');
}

function changeOf({ from, to, differs }: ChangedPackage): string {
  const isOther = differs.includes('version');
  return isOther ? `${versionsOf(from)} -> ${versionsOf(to)}` : versionsOf(to);
}

function notesOf({ from, to, differs, replaced }: ChangedPackage): string {
  const notes = [
    from.bytes === to.bytes ? '' : `${formatBytes(from.bytes)} -> ${formatBytes(to.bytes)}`,
    differs.includes('licence') ? `licence ${licences(from)} -> ${licences(to)}` : '',
    ...replaced.map(({ path }) => `OTHER BYTES under the same name: ${path}`),
    differs.includes('files') ? `${from.files} files -> ${to.files}` : '',
    differs.includes('private') ? 'private changed' : '',
  ];
  return notes.filter((note) => note !== '').join('; ');
}

function licences(side: PackageSide): string {
  return side.licences.join(', ') || 'unknown';
}
