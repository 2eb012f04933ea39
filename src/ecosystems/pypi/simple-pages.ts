import type { CatalogEntry } from '../../ports/catalog.js';

/** One file as the index shows it. */
export interface ServedFile {
  entry: CatalogEntry;
  filename: string;
  /** Its METADATA, where it is held too. */
  metadata: CatalogEntry | undefined;
  /** Its attestations, where the bundle carries some (PEP 740). */
  provenance: CatalogEntry | undefined;
  requiresPython: string | undefined;
  /** The reason, possibly empty, where it is yanked. */
  yanked: string | undefined;
  uploadTime: string | undefined;
}

/** What a held entry's signed detail says of a file. */
export function servedFile(
  entry: CatalogEntry,
  { metadata, provenance }: Pick<ServedFile, 'metadata' | 'provenance'>,
): ServedFile {
  const detail = entry.detail ?? {};
  const text = (key: string): string | undefined =>
    typeof detail[key] === 'string' ? detail[key] : undefined;
  return {
    entry,
    filename: filenameOf(entry),
    metadata,
    provenance,
    requiresPython: text('requires-python'),
    yanked: detail['yanked'] === true ? '' : text('yanked'),
    uploadTime: text('upload-time'),
  };
}

/** The last segment of an entry's path. */
export function filenameOf(entry: CatalogEntry): string {
  return entry.path.slice(entry.path.lastIndexOf('/') + 1);
}

function escapeHtml(text: string): string {
  if (!/[&<>"]/.test(text)) return text;
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function page(title: string, lines: string[]): string {
  return `<!DOCTYPE html>
<html>
<head><meta name="pypi:repository-version" content="1.3"><title>${escapeHtml(title)}</title></head>
<body>
${lines.join('<br>\n')}
</body>
</html>
`;
}

/** PEP 503: the root page. */
export function rootHtml(names: readonly string[]): string {
  return page(
    'Simple index',
    names.map((name) => {
      const shown = escapeHtml(name);
      return `<a href="${shown}/">${shown}</a>`;
    }),
  );
}

/** PEP 503, 592, 714, 740: a project's page. Only `data-core-metadata` is written; old pips trip over the older name. */
export function projectHtml(name: string, files: readonly ServedFile[], base: string): string {
  const lines = files.map((file) => {
    const attributes = [
      `href="${escapeHtml(`${fileUrl(base, file)}#sha256=${file.entry.sha256}`)}"`,
      ...(file.requiresPython === undefined
        ? []
        : [`data-requires-python="${escapeHtml(file.requiresPython)}"`]),
      ...(file.yanked === undefined ? [] : [`data-yanked="${escapeHtml(file.yanked)}"`]),
      ...(file.metadata === undefined
        ? []
        : [`data-core-metadata="sha256=${file.metadata.sha256}"`]),
      ...(file.provenance === undefined
        ? []
        : [`data-provenance="${escapeHtml(`${fileUrl(base, file)}.provenance`)}"`]),
    ];
    return `<a ${attributes.join(' ')}>${escapeHtml(file.filename)}</a>`;
  });
  return page(`Links for ${name}`, lines);
}

const META = { 'api-version': '1.3' };

/** PEP 691: the root page. */
export function rootJson(names: readonly string[]): string {
  return JSON.stringify({ meta: META, projects: names.map((name) => ({ name })) });
}

/** PEP 691, 700, 714, 740: a project's page. The older name of its metadata breaks pip 22.2 to 23.0. */
export function projectJson(name: string, files: readonly ServedFile[], base: string): string {
  const versions = [...new Set(files.flatMap(({ entry }) => entry.version ?? []))];
  return JSON.stringify({
    meta: META,
    name,
    versions,
    files: files.map((file) => {
      const metadata = file.metadata === undefined ? false : { sha256: file.metadata.sha256 };
      return {
        filename: file.filename,
        url: fileUrl(base, file),
        hashes: { sha256: file.entry.sha256 },
        size: file.entry.lengthBytes,
        yanked: file.yanked === undefined ? false : file.yanked || true,
        'core-metadata': metadata,
        ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
        ...(file.uploadTime === undefined ? {} : { 'upload-time': file.uploadTime }),
        ...(file.provenance === undefined
          ? {}
          : { provenance: `${fileUrl(base, file)}.provenance` }),
      };
    }),
  });
}

function fileUrl(base: string, { entry, filename }: ServedFile): string {
  return `${base}/pypi/files/${entry.sha256}/${encodeURIComponent(filename)}`;
}
