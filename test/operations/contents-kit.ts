import type { BundleEntry } from '../../src/domain/bundle.js';
import type { BundleContents } from '../../src/operations/bundle-contents.js';
import { entry, identity } from '../trust/sample.js';

const LICENCES = ['MIT', 'Apache-2.0 OR BSD-2-Clause', 'Dual License', undefined];
export const licensed = (index: number, more: Partial<BundleEntry> = {}): BundleEntry => {
  const licence = LICENCES[index % LICENCES.length];
  return entry(index, { ...(licence === undefined ? {} : { detail: { licence } }), ...more });
};
export const scoped = licensed(4, {
  path: 'npm/@x/scoped/scoped-1.0.0.tgz',
  ecosystem: 'npm',
  name: '@x/scoped',
  purl: 'pkg:npm/%40x/scoped@1.0.0',
});
export const contents = (list: readonly BundleEntry[]): BundleContents => ({
  what: 'demo',
  bundle: 'demo',
  source: identity('source').did,
  version: 3,
  signedAt: '2026-11-01T10:00:00Z',
  expiresAt: '2027-01-30T10:00:00Z',
  digest: 'ab'.repeat(32),
  isPinned: true,
  entries: list,
});
export const demo = contents([...[0, 1, 2, 3].map((index) => licensed(index)), scoped]);
