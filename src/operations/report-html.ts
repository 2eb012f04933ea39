import type { BundleEntry } from '../domain/bundle.js';
import { licenceOf } from '../domain/licence.js';
import type { ProofKind } from '../domain/plan.js';
import type { BundleContents } from './bundle-contents.js';
import type { BundleDifference } from './diff-bundles.js';

/** An advisory that concerns a package of the bundle. */
export interface ReportedAdvisory {
  id: string;
  aliases: readonly string[];
  summary: string;
  severity: string | undefined;
  url: string | undefined;
  purl: string;
  fixed: string | undefined;
}

export interface ReportRequest {
  contents: BundleContents;
  /** What the bundle is compared with. */
  against: { contents: BundleContents; difference: BundleDifference } | undefined;
  /** Undefined where no advisories were given. */
  advisories: { findings: readonly ReportedAdvisory[]; read: number } | undefined;
  toolVersion: string;
  formatBytes(bytes: number): string;
}

const PROOFS: Readonly<Record<string, string>> = {
  'debian-release': 'signed by the Debian archive',
  'npm-signature': 'signed by the npm registry',
  'npm-provenance': 'signed by its build (npm provenance)',
  pep740: 'signed by its publisher (PEP 740)',
  'index-hash': 'digest from its index alone',
  none: 'no evidence of its publisher',
};

/** What an approver reads and signs: one HTML page that needs nothing else and prints on A4 or Letter. */
export function reportHtml(request: ReportRequest): string {
  const { contents } = request;
  const title = `${contents.bundle}, version ${contents.version}`;
  const parts = [
    headPart(request, title),
    summaryPart(request),
    advisoriesPart(request),
    differencePart(request),
    licencesPart(contents),
    packagesPart(request),
    documentsPart(contents),
    approvalPart(contents),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${parts.filter((part) => part !== '').join('\n')}
</body>
</html>
`;
}

const STYLE = `
body{font:14px/1.45 system-ui,sans-serif;color:#111;background:#fff;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem;break-after:avoid}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid #ccc}
th{border-bottom:2px solid #111}td.number,th.number{text-align:right}tr{break-inside:avoid}thead{display:table-header-group}
code{font:12px ui-monospace,monospace;overflow-wrap:anywhere}.bad{color:#a00;font-weight:600}.quiet{color:#555}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}
.sign{display:grid;grid-template-columns:1fr 1fr 1fr;gap:2rem;margin-top:3rem;break-inside:avoid}.sign div{border-top:1px solid #111;padding-top:.25rem}
@media print{body{margin:0;max-width:none;font-size:10pt}a{color:inherit;text-decoration:none}@page{margin:15mm}}
`;

function headPart({ contents, toolVersion }: ReportRequest, title: string): string {
  const stranger = contents.isPinned
    ? ''
    : '<p class="bad">The machine that made this report does not trust this source: compare its DID.</p>';
  return `<h1>${escaped(title)}</h1>
<p class="quiet">What the signed metadata says, written by x ${escaped(toolVersion)}.</p>${stranger}
<dl>
<dt>Source</dt><dd><code>${escaped(contents.source)}</code></dd>
<dt>Signed</dt><dd>${escaped(contents.signedAt)}, valid until ${escaped(contents.expiresAt)}</dd>
<dt>This exact set</dt><dd><code>sha256:${escaped(contents.digest)}</code></dd>
</dl>`;
}

function summaryPart({ contents, formatBytes }: ReportRequest): string {
  const packages = packagesOf(contents);
  const size = (entries: readonly BundleEntry[]): string =>
    formatBytes(entries.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0));
  const byEcosystem = [...Map.groupBy(packages, ({ ecosystem }) => ecosystem ?? '')];
  const rows = byEcosystem.map(([ecosystem, list]) => [
    escaped(ecosystem),
    number(new Set(list.map(({ name }) => name)).size),
    number(list.length),
    number(size(list)),
  ]);
  const byProof = [...Map.groupBy(packages, ({ proof }) => proof)].map(([proof, list]) => [
    proofText(proof),
    number(list.length),
  ]);
  const targets = [...new Set(packages.flatMap((entry) => entry.targets))].sort();
  const hidden = packages.filter((entry) => entry.private).length;
  return `<h2>Summary</h2>
<p>${packages.length} package files of ${contents.entries.length} files, ${size(contents.entries)} in all; ${hidden} private. For ${targets.length === 0 ? 'no target' : targets.map((one) => `<code>${escaped(one)}</code>`).join(', ')}.</p>
${table(['Ecosystem', number('Packages'), number('Files'), number('Size')], rows)}
${table(['Evidence of the publisher', number('Files')], byProof)}`;
}

function advisoriesPart({ advisories }: ReportRequest): string {
  if (advisories === undefined) return '';
  const { findings, read } = advisories;
  if (findings.length === 0) {
    return `<h2>Advisories</h2>\n<p>None of ${read} ${read === 1 ? 'advisory' : 'advisories'} given concerns a package of this bundle.</p>`;
  }
  const rows = findings.map((one) => [
    `<code>${escaped(one.purl)}</code>`,
    `<span class="bad">${linked(one.url, one.id)}</span> ${escaped(one.aliases.join(', '))}`,
    escaped(one.severity ?? ''),
    escaped(one.summary),
    escaped(one.fixed ?? 'none named'),
  ]);
  const ids = new Set(findings.map(({ id }) => id)).size;
  const purls = new Set(findings.map(({ purl }) => purl)).size;
  const counted = `${ids} of ${read} ${read === 1 ? 'advisory' : 'advisories'} given ${ids === 1 ? 'concerns' : 'concern'} ${purls} ${purls === 1 ? 'package' : 'packages'} of this bundle.`;
  return `<h2>Advisories</h2>
<p class="bad">${counted}</p>
${table(['Package', 'Advisory', 'Severity', 'What', 'Mended in'], rows)}`;
}

function differencePart({ against, formatBytes }: ReportRequest): string {
  if (against === undefined) return '';
  const { contents, difference } = against;
  const row = (sign: string, name: string, what: string, licence: string): string[] => [
    sign,
    escaped(name),
    escaped(what),
    escaped(licence),
  ];
  const rows = [
    ...difference.added.map((one) =>
      row(
        'added',
        `${one.ecosystem}/${one.name}`,
        one.versions.join(', '),
        one.licences.join(', '),
      ),
    ),
    ...difference.removed.map((one) =>
      row('removed', `${one.ecosystem}/${one.name}`, one.versions.join(', '), ''),
    ),
    ...difference.changed.map(({ ecosystem, name, from, to, differs, replaced }) => [
      'changed',
      escaped(`${ecosystem}/${name}`),
      `${escaped(from.versions.join(', '))} → ${escaped(to.versions.join(', '))}${replaced.length === 0 ? '' : ' <span class="bad">other bytes under the same name</span>'}`,
      differs.includes('licence')
        ? `<span class="bad">${escaped(from.licences.join(', ') || 'unknown')} → ${escaped(to.licences.join(', ') || 'unknown')}</span>`
        : escaped(to.licences.join(', ')),
    ]),
  ];
  return `<h2>Since ${escaped(contents.bundle)}, version ${contents.version}</h2>
<p>${difference.added.length} added, ${difference.removed.length} removed, ${difference.changed.length} changed, ${difference.unchanged} unchanged; ${formatBytes(difference.transferBytes)} to carry.</p>
${rows.length === 0 ? '' : table(['', 'Package', 'Version', 'Licence'], rows)}`;
}

function licencesPart(contents: BundleContents): string {
  const groups = Map.groupBy(packagesOf(contents), (entry) => licenceOf(entry) ?? 'not named');
  const rows = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([licence, list]) => [
      escaped(licence),
      escaped([...new Set(list.map(({ name = '' }) => name))].sort().join(', ')),
    ]);
  return `<h2>Licences</h2>
<p class="quiet">As each package's own metadata names them; nobody has judged them.</p>
${table(['Licence', 'Packages'], rows)}`;
}

function packagesPart({ contents, formatBytes }: ReportRequest): string {
  const rows = packagesOf(contents).map((entry) => [
    escaped(entry.ecosystem ?? ''),
    `${escaped(entry.name ?? '')}${entry.private ? ' <span class="quiet">private</span>' : ''}`,
    escaped(entry.version ?? ''),
    escaped(licenceOf(entry) ?? ''),
    number(formatBytes(entry.lengthBytes)),
    proofText(entry.proof),
    `<code>${escaped(entry.sha256.slice(0, 16))}…</code>`,
  ]);
  const head = ['', 'Package', 'Version', 'Licence', number('Size'), 'Evidence', 'sha256'];
  return `<h2>Packages</h2>\n${table(head, rows)}`;
}

function documentsPart({ entries }: BundleContents): string {
  const inputs = entries.filter(({ path }) => path.startsWith('inputs/original/'));
  if (inputs.length === 0) return '';
  const rows = inputs.map(({ path, sha256 }) => [
    escaped(path.slice('inputs/original/'.length)),
    `<code>${escaped(sha256)}</code>`,
  ]);
  return `<h2>Asked for by</h2>\n${table(['File', 'sha256'], rows)}`;
}

function approvalPart({ digest }: BundleContents): string {
  return `<h2>Approval</h2>
<p>Of the set <code>sha256:${escaped(digest)}</code></p>
<div class="sign"><div>Name</div><div>Date</div><div>Signature</div></div>`;
}

function packagesOf({ entries }: BundleContents): BundleEntry[] {
  return entries.filter(({ kind }) => kind === 'package');
}

/** A cell that stands on the right. */
function number(value: number | string): string {
  return `\u0000${escaped(String(value))}`;
}

/** @param rows cells are HTML already. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (tag: string, html: string): string =>
    html.startsWith('\u0000')
      ? `<${tag} class="number">${html.slice(1)}</${tag}>`
      : `<${tag}>${html}</${tag}>`;
  const line = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((html) => cell(tag, html)).join('')}</tr>`;
  const body = rows.map((cells) => line('td', cells)).join('\n');
  return `<table><thead>${line('th', head)}</thead><tbody>\n${body}\n</tbody></table>`;
}

function proofText(proof: ProofKind): string {
  const text = escaped(PROOFS[proof] ?? proof);
  return proof === 'none' ? `<span class="bad">${text}</span>` : text;
}

function linked(url: string | undefined, text: string): string {
  return url === undefined ? escaped(text) : `<a href="${escaped(url)}">${escaped(text)}</a>`;
}

function escaped(text: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
    .replaceAll(/[&<>"]/g, (character) => named[character] ?? '')
    .replaceAll("'", '&#39;');
}
