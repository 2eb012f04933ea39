import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../domain/digest.js';
import type { KeptReply } from './answer-cache.js';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Nothing but what this gateway serves itself may run, be shown or be asked on the page. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The built page, read into memory once: request path to reply. A path of a request is only ever
 * looked up here. Empty where the page was not built.
 */
export function readPageFiles(folder: string): ReadonlyMap<string, KeptReply> {
  const files = new Map<string, KeptReply>();
  for (const name of globSync('**/*.{html,js,css,svg}', { cwd: folder })) {
    const body = readFileSync(join(folder, name));
    const path = name.replaceAll('\\', '/');
    const headers = {
      'content-type': TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
      'content-length': String(body.length),
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      // Names of assets have a hash of what they are.
      'cache-control': path.startsWith('page/')
        ? 'public, max-age=31536000, immutable'
        : 'no-cache',
      etag: `"${sha256(body)}"`,
    };
    files.set(path === 'index.html' ? '' : path, { status: 200, headers, body });
  }
  return files;
}
