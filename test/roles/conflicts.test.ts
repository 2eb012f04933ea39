import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { chooseAnswer, type EvidenceVerdict } from '../../src/domain/answering-source.js';
import type { BundleEntry } from '../../src/domain/bundle.js';
import { sha256 } from '../../src/domain/digest.js';
import { settleConflicts } from '../../src/operations/settle-conflicts.js';
import type { CatalogEntry } from '../../src/ports/catalog.js';
import type { ProofVerdict } from '../../src/ports/ecosystem.js';
import { createHeldView, nobodyToAsk } from '../../src/roles/held-view.js';
import { openData, type DataFolder } from '../../src/roles/open-data.js';
import { conflictLine, settledView } from '../../src/roles/settled-view.js';
import { DID, sampleEntry, sampleManifest } from '../contract/catalog.js';

const OTHER = 'did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG';
const PATH = 'pypi/alpha/alpha-1.0-py3-none-any.whl';

const bytesOf = (text: string, over: Partial<BundleEntry> = {}): BundleEntry =>
  sampleEntry(PATH, { sha256: sha256(text), ...over });

async function openFolder(t: TestContext): Promise<DataFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'x-conflicts-'));
  const data = await openData(folder);
  t.after(async () => {
    await data.close();
    await rm(folder, { recursive: true });
  });
  return data;
}

function save(data: DataFolder, bundle: string, source: string, entries: BundleEntry[]): void {
  const digest = sha256(`${bundle} ${source}`);
  data.catalog.saveBundle(sampleManifest(entries, { bundle, source, digest }), 'client', new Map());
}

/** A server for which what an entry's proof is worth is known. */
function serverOf(verdicts: Record<string, Pick<ProofVerdict, 'proof' | 'verdict'>>) {
  const name = 'pypi' as const;
  const checkProof = (entry: CatalogEntry): Promise<ProofVerdict> =>
    Promise.resolve({
      ...(verdicts[entry.sha256] ?? { proof: 'none', verdict: 'none' }),
      note: 'published by the one who may',
    });
  return { name, checkProof };
}

async function served(data: DataFolder, server: ReturnType<typeof serverOf>): Promise<string[]> {
  const view = createHeldView(data.catalog, data.store, nobodyToAsk);
  const { catalog } = data;
  const settle = () => settleConflicts({ catalog, servers: [server], view, now: new Date() });
  const settled = settledView(view, settle, failed, () => 0);
  await settled.settle();
  return settled.view.entriesByName('pypi', 'alpha').map((entry) => entry.sha256);
}

function failed(thrown: unknown): void {
  assert.ifError(thrown);
}

const HOLDS = { proof: 'pep740', verdict: 'holds' } as const;

for (const [what, verdicts, expected] of [
  ['no proof decides: the source known first', {}, 'first'],
  ['the proof of the later one holds', { [sha256('second')]: HOLDS }, 'second'],
  [
    'a digest that an index told the source is no proof against another source',
    { [sha256('second')]: { proof: 'index-hash', verdict: 'holds' } },
    'first',
  ],
  [
    'that of the first is broken',
    { [sha256('first')]: { proof: 'npm-signature', verdict: 'broken' } },
    'second',
  ],
  ['both hold', { [sha256('first')]: HOLDS, [sha256('second')]: HOLDS }, 'first'],
  [
    'carried evidence that nothing here can check',
    { [sha256('second')]: { proof: 'pep740', verdict: 'carried' } },
    'first',
  ],
] as const) {
  test(`two sources signed other bytes for one file; ${what}`, async (t) => {
    const data = await openFolder(t);
    save(data, 'tools', DID, [bytesOf('first')]);
    save(data, 'other', OTHER, [bytesOf('second')]);
    assert.deepEqual(await served(data, serverOf(verdicts)), [sha256(expected)]);
  });
}

test('a name private to one source is answered by it, whatever another can prove', async (t) => {
  const data = await openFolder(t);
  save(data, 'other', OTHER, [bytesOf('second')]);
  save(data, 'tools', DID, [bytesOf('first', { private: true })]);
  const server = serverOf({ [sha256('second')]: HOLDS });
  assert.deepEqual(await served(data, server), [sha256('first')]);
});

test('the same bytes from two sources, and other bytes in two bundles of one source, are no conflict', async (t) => {
  const data = await openFolder(t);
  save(data, 'tools', DID, [bytesOf('first')]);
  save(data, 'more', DID, [bytesOf('second')]);
  assert.deepEqual(data.catalog.conflicts(10), []);
  save(data, 'other', OTHER, [sampleEntry('pypi/b/b.whl'), bytesOf('first')]);
  const [entries, ...none] = data.catalog.conflicts(10);
  assert.deepEqual(none, []);
  assert.deepEqual(
    entries?.map(({ bundleName }) => bundleName),
    ['tools', 'more', 'other'],
  );
  assert.deepEqual(data.catalog.conflicts(0), []);
});

test('what a new bundle disputes is settled while the view is in use, and told in a line', async (t) => {
  const data = await openFolder(t);
  save(data, 'tools', DID, [bytesOf('first')]);
  const view = createHeldView(data.catalog, data.store, nobodyToAsk);
  const { catalog } = data;
  const servers = [serverOf({ [sha256('second')]: HOLDS })];
  const settle = () => settleConflicts({ catalog, servers, view, now: new Date() });
  const settled = settledView(view, settle, failed, () => 0);
  await settled.settle();
  const before = settled.view.generation();
  assert.equal(settled.view.generation(), before);
  save(data, 'other', OTHER, [bytesOf('second')]);
  const noticed = settled.view.generation();
  assert.notEqual(noticed, before);
  await settled.settle();
  assert.notEqual(settled.view.generation(), noticed, 'answers kept from before it are not sent');
  const [entry, ...others] = settled.view.entriesByName('pypi', 'alpha');
  assert.deepEqual([entry?.sha256, others], [sha256('second'), []]);
  assert.deepEqual(settled.conflicts().map(conflictLine), [
    `${PATH}: other and tools have other bytes for it; that of other is served: published by the one who may`,
  ]);
});

test('one candidate answers, broken or not; none is no answer', () => {
  const of = (...verdicts: EvidenceVerdict[]): EvidenceVerdict | undefined =>
    chooseAnswer(verdicts.map((verdict) => ({ entry: verdict, verdict })))?.verdict;
  assert.equal(of('broken'), 'broken');
  assert.equal(of('broken', 'broken', 'carried'), 'carried');
  assert.equal(of(), undefined);
});
