import type { Digests, Sha256 } from '../../domain/digest.js';
import type { CatalogEntry } from '../../ports/catalog.js';

/** One file as the index shows it. */
export interface ServedFile {
  filename: string;
  version: string | undefined;
  /** At least one. */
  digests: Digests;
  sizeBytes: number | undefined;
  /** Of its METADATA, where that can be had too. */
  metadataSha256: Sha256 | undefined;
  /** Whether its attestations can be had (PEP 740). */
  hasProvenance: boolean;
  requiresPython: string | undefined;
  /** The reason, possibly empty, where it is yanked. */
  yanked: string | undefined;
  uploadTime: string | undefined;
}

/** What a held entry's signed detail says of a file. */
export function servedFile(
  entry: CatalogEntry,
  { metadata, provenance }: Record<'metadata' | 'provenance', CatalogEntry | undefined>,
): ServedFile {
  const detail = entry.detail ?? {};
  const text = (key: string): string | undefined =>
    typeof detail[key] === 'string' ? detail[key] : undefined;
  return {
    filename: filenameOf(entry),
    version: entry.version,
    digests: { sha256: entry.sha256 },
    sizeBytes: entry.lengthBytes,
    metadataSha256: metadata?.sha256,
    hasProvenance: provenance !== undefined,
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
      `href="${escapeHtml(fileUrl(base, file) + fragmentOf(file))}"`,
      ...(file.requiresPython === undefined
        ? []
        : [`data-requires-python="${escapeHtml(file.requiresPython)}"`]),
      ...(file.yanked === undefined ? [] : [`data-yanked="${escapeHtml(file.yanked)}"`]),
      ...(file.metadataSha256 === undefined
        ? []
        : [`data-core-metadata="sha256=${file.metadataSha256}"`]),
      ...(file.hasProvenance
        ? [`data-provenance="${escapeHtml(`${fileUrl(base, file)}.provenance`)}"`]
        : []),
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
  const versions = [...new Set(files.flatMap(({ version }) => version ?? []))];
  return JSON.stringify({
    meta: META,
    name,
    versions,
    files: files.map((file) => {
      const { metadataSha256 } = file;
      const metadata = metadataSha256 === undefined ? false : { sha256: metadataSha256 };
      return {
        filename: file.filename,
        url: fileUrl(base, file),
        hashes: file.digests,
        ...(file.sizeBytes === undefined ? {} : { size: file.sizeBytes }),
        yanked: file.yanked === undefined ? false : file.yanked || true,
        'core-metadata': metadata,
        ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
        ...(file.uploadTime === undefined ? {} : { 'upload-time': file.uploadTime }),
        ...(file.hasProvenance ? { provenance: `${fileUrl(base, file)}.provenance` } : {}),
      };
    }),
  });
}

function fileUrl(base: string, { digests, filename }: ServedFile): string {
  const digest = digests.sha256 ?? digests.sha512 ?? '';
  return `${base}/pypi/files/${digest}/${encodeURIComponent(filename)}`;
}

function fragmentOf({ digests: { sha256, sha512 } }: ServedFile): string {
  return sha256 === undefined ? `#sha512=${sha512 ?? ''}` : `#sha256=${sha256}`;
}
