import type { Settings } from '../config/settings.js';
import { licenceOf } from '../domain/licence.js';
import type { BundleRecord } from '../ports/catalog.js';
import { findBundle } from '../operations/find-bundle.js';
import { openData } from './open-data.js';
import { formatBytes, table, type Printer } from './printer.js';

export interface ListInput {
  settings: Settings & { folder: string };
  printer: Printer;
  name: string | undefined;
}

/** `x ls`: the bundles held here, or the entries of one. */
export async function runList(input: ListInput): Promise<void> {
  const data = await openData(input.settings.folder);
  try {
    const { catalog, store } = data;
    if (input.name !== undefined) {
      const bundle = findBundle(catalog, input.name);
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
      input.printer.document({ bundle, entries }, [summary(bundle), ...table([header, ...rows])]);
      return;
    }
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
      bundle.bytes === 0 ? '100%' : `${Math.floor((bundle.heldBytes * 100) / bundle.bytes)}%`,
      bundle.signedAt.slice(0, 16).replace('T', ' '),
      bundle.source,
    ]);
    const empty =
      'No bundles here. `x source -r FILE`, `x client --master HOST` or `x import PATH` brings one.';
    input.printer.document({ bundles }, rows.length === 0 ? [empty] : table([header, ...rows]));
  } finally {
    await data.close();
  }
}

function summary(bundle: BundleRecord): string {
  return `${bundle.name}, version ${bundle.version}, signed ${bundle.signedAt} by ${bundle.source}`;
}
