import type { BundleRecord } from '../ports/catalog.js';
import type { GatewayServer } from '../ports/ecosystem.js';
import { bufferReply, type Reply } from './reply.js';

/** What `/bundles.json` says of one bundle. */
export interface BundleSummary {
  name: string;
  source: string;
  version: number;
  signedAt: string;
  expiresAt: string;
  entries: number;
  bytes: number;
}

export function summaries(bundles: readonly BundleRecord[]): BundleSummary[] {
  return bundles.map(({ name, source, version, signedAt, expiresAt, entries, bytes }) => {
    return { name, source, version, signedAt, expiresAt, entries, bytes };
  });
}

/** A page without scripts, forms or anything from elsewhere: what is here, and how to use it. */
export function frontPage(
  bundles: readonly BundleRecord[],
  servers: readonly GatewayServer[],
  baseUrl: string,
): Reply {
  const howTo = servers.flatMap((server) => server.howTo?.(baseUrl) ?? []);
  if (howTo.length > 0) return passingPage(howTo);
  const rows = bundles.map(
    (bundle) =>
      `<tr><td>${escapeHtml(bundle.name)}</td><td>${bundle.version}</td>` +
      `<td>${bundle.entries}</td><td>${mebibytes(bundle.bytes)}</td>` +
      `<td>${escapeHtml(bundle.signedAt)}</td><td><code>${escapeHtml(bundle.source)}</code></td></tr>`,
  );
  const table =
    rows.length === 0
      ? '<p>No bundle has arrived yet. <code>x client --master HOST</code> or <code>x import PATH</code> brings one.</p>'
      : `<table><tr><th>Bundle</th><th>Version</th><th>Files</th><th>MiB</th><th>Signed</th><th>By</th></tr>${rows.join('')}</table>`;
  const uses = servers.map(
    ({ name, mount, commands }) =>
      `<li>${escapeHtml(name)}: ${commands.map((command) => `<code>x run -- ${escapeHtml(command)} …</code>`).join(', ')} ` +
      `(<code>${escapeHtml(`${baseUrl}/${mount}/`)}</code>)</li>`,
  );
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>X gateway</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0}code{overflow-wrap:anywhere}</style></head>
<body><h1>X gateway</h1><h2>Bundles on this machine</h2>${table}
<h2>Install from it</h2><ul>${uses.join('')}</ul>
<p><a href="/bundles.json">bundles.json</a></p></body></html>
`;
  return bufferReply(200, 'text/html; charset=utf-8', html, {
    'content-security-policy': STYLE_ONLY,
  });
}

/** Of a gateway that has no bundles and passes the official sources on. */
function passingPage(howTo: readonly string[]): Reply {
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>X gateway</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}pre{overflow-x:auto}</style></head>
<body><h1>X gateway</h1><p>pip, npm and apt install from here. Nothing but the source has to be changed:</p>
<pre>${howTo.map(escapeHtml).join('\n')}</pre></body></html>
`;
  return bufferReply(200, 'text/html; charset=utf-8', html, {
    'content-security-policy': STYLE_ONLY,
  });
}

const STYLE_ONLY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
