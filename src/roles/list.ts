import type { Settings } from '../config/settings.js';
import { licenceOf } from '../domain/licence.js';
import type { BundleRecord } from '../ports/catalog.js';
import { findBundle } from '../operations/find-bundle.js';
import { openData, type DataFolder } from './open-data.js';
import { formatBytes, table, type Printer } from './printer.js';
import { percent, show } from './status.js';

export interface ListInput {
  settings: Settings & { folder: string };
  printer: Printer;
  name: string | undefined;
  /** Again and again, until told to stop. */
  watch: boolean;
}

/** `x ls`: the bundles held here, or the entries of one. */
export async function runList(input: ListInput): Promise<void> {
  const data = await openData(input.settings.folder);
  try {
    const { name } = input;
    await show(input, 'held', () =>
      Promise.resolve(name === undefined ? bundlesOf(data) : entriesOf(data, name)),
    );
  } finally {
    await data.close();
  }
}

type Shown = Awaited<ReturnType<Parameters<typeof show>[2]>>;

function entriesOf({ catalog, store }: DataFolder, name: string): Shown {
  const bundle = findBundle(catalog, name);
  const entries = [...catalog.entries(bundle.id)].map((entry) => ({
    ...entry,
    held: store.stat(entry.sha256) !== undefined,
  }));
  const packages = entries.filter(({ kind }) => kind === 'package');
  const rows = packages.map((entry) => [
    entry.ecosystem ?? '',
    entry.name ?? '',
    entry.version ?? '',
    formatBytes(entry.lengthBytes),
    entry.proof,
    licenceOf(entry) ?? '',
    entry.held ? '' : 'not here yet',
  ]);
  const header = ['ecosystem', 'name', 'version', 'size', 'proof', 'licence', ''];
  return { value: { bundle, entries }, lines: [summary(bundle), ...table([header, ...rows])] };
}

function bundlesOf({ catalog, store }: DataFolder): Shown {
  const bundles = catalog.bundles().map((bundle) => {
    let heldBytes = 0;
    for (const entry of catalog.entries(bundle.id))
      if (store.stat(entry.sha256)) heldBytes += entry.lengthBytes;
    return { ...bundle, heldBytes };
  });
  const header = ['bundle', 'version', 'files', 'size', 'held', 'signed', 'source'];
  const rows = bundles.map((bundle) => [
    bundle.name,
    String(bundle.version),
    String(bundle.entries),
    formatBytes(bundle.bytes),
    percent(bundle.heldBytes, bundle.bytes),
    bundle.signedAt.slice(0, 16).replace('T', ' '),
    bundle.source,
  ]);
  const empty =
    'No bundles here. `x source -r FILE`, `x client --master HOST` or `x import PATH` brings one.';
  return { value: { bundles }, lines: rows.length === 0 ? [empty] : table([header, ...rows]) };
}

function summary(bundle: BundleRecord): string {
  return `${bundle.name}, version ${bundle.version}, signed ${bundle.signedAt} by ${bundle.source}`;
}
