import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkAttestations } from '../../../src/ecosystems/npm/attestations.js';
import { attestationsPath, checkProof } from '../../../src/ecosystems/npm/check-proof.js';
import { proveTarball } from '../../../src/ecosystems/npm/prove.js';
import { registryKeys } from '../../../src/ecosystems/npm/registry-keys.js';
import { sigstoreAnchors } from '../../../src/ecosystems/sigstore/trusted-root.js';
import { XError } from '../../../src/domain/errors.js';
import type { CatalogEntry } from '../../../src/ports/catalog.js';
import type { FetchedArtifact } from '../../../src/ports/ecosystem.js';
import type { Upstream } from '../../../src/ports/upstream.js';
import { MemoryBytes, viewOf } from './held.js';

/** What npm's registry gives for sigstore 0.4.0, published on 11 January 2023 (from pacote's tests). */
const REAL = readFileSync(
  fileURLToPath(new URL('../../../../fixtures/upstream/npm-attestations.json', import.meta.url)),
);
const TARBALL = {
  purl: 'pkg:npm/sigstore@0.4.0',
  sha512:
    '282c0c5fa936d264321643581b65d3de5c0af6ed4fdfac12f5851115df39cc25cfaf0ad22d908487bfef30114d61c25746206d1834be4f8fd1659178f77cc004',
};
const PUBLISHER =
  'github.com/sigstore/sigstore-js, .github/workflows/publish.yml at refs/tags/v0.4.0, commit 8a2ee2fd20dd';
const KEYS = registryKeys('npm:attestations');

interface Document {
  attestations: {
    bundle: {
      dsseEnvelope: { payload: string; signatures: { sig: string }[] };
      verificationMaterial: {
        publicKey?: { hint: string };
        x509CertificateChain?: { certificates: { rawBytes: string }[] };
        tlogEntries: { logId: { keyId: string }; canonicalizedBody: string }[];
      };
    };
  }[];
}

function changed(change: (document: Document) => void): Uint8Array {
  const document = JSON.parse(REAL.toString()) as Document;
  change(document);
  return Buffer.from(JSON.stringify(document));
}

/** One bit of base64 data, near its end. */
function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
  return bytes.toString('base64');
}

const verdictOf = (bytes: Uint8Array, tarball = TARBALL, keys = KEYS): string =>
  checkAttestations(bytes, tarball, keys).verdict;

test('real attestations hold, and say who published', () => {
  assert.deepEqual(checkAttestations(REAL, TARBALL, KEYS), {
    verdict: 'holds',
    publisher: PUBLISHER,
  });
});

test('one bit changed anywhere breaks them', () => {
  for (const at of [0, 1]) {
    const one = (document: Document) => document.attestations[at]!.bundle;
    const changes: ((document: Document) => void)[] = [
      (document) => {
        const [signature] = one(document).dsseEnvelope.signatures;
        signature!.sig = flipped(signature!.sig);
      },
      (document) => {
        const { dsseEnvelope } = one(document);
        dsseEnvelope.payload = flipped(dsseEnvelope.payload);
      },
      (document) => {
        const [entry] = one(document).verificationMaterial.tlogEntries;
        entry!.canonicalizedBody = flipped(entry!.canonicalizedBody);
      },
      (document) => {
        const [leaf] = one(document).verificationMaterial.x509CertificateChain?.certificates ?? [];
        if (leaf !== undefined) leaf.rawBytes = flipped(leaf.rawBytes);
        else one(document).dsseEnvelope.signatures = [];
      },
    ];
    for (const change of changes) {
      assert.equal(verdictOf(changed(change)), 'broken', `${at}: ${String(change)}`);
    }
  }
  assert.equal(verdictOf(REAL, { ...TARBALL, sha512: `0${TARBALL.sha512.slice(1)}` }), 'broken');
  assert.equal(verdictOf(REAL, { ...TARBALL, purl: 'pkg:npm/sigstore@0.4.1' }), 'broken');
  assert.equal(verdictOf(REAL, { ...TARBALL, purl: 'pkg:npm/%40sigstore@0.4.0' }), 'broken');
});

test('a publish statement alone is no word of who built it', () => {
  const alone = changed((document) => document.attestations.shift());
  assert.deepEqual(checkAttestations(alone, TARBALL, KEYS), {
    verdict: 'holds',
    publisher: undefined,
  });
});

test('what this machine has no key or authority for is unknown, and not broken', () => {
  const alone = changed((document) => document.attestations.shift());
  assert.equal(verdictOf(alone, TARBALL, []), 'unknown-anchor');
  const nobody = { ...sigstoreAnchors(), authorities: new Set<string>() };
  const first = changed((document) => document.attestations.pop());
  assert.equal(checkAttestations(first, TARBALL, KEYS, nobody).verdict, 'unknown-anchor');
  // The key that the publish statement is signed with ended after it.
  const ended = KEYS.map((key) => ({ ...key, end: '2023-01-01T00:00:00.000Z' }));
  assert.equal(verdictOf(REAL, TARBALL, ended), 'broken');
});

test('what is no attestation at all is said, and never thrown', () => {
  const documents = [
    '',
    '{',
    'null',
    '[]',
    '{"attestations": {}}',
    '{"attestations": []}',
    '{"attestations": [null]}',
    '{"attestations": [{"bundle": {}}]}',
    '{"attestations": [{"bundle": {"mediaType": "x", "dsseEnvelope": {"payload": "e30="}}}]}',
    JSON.stringify({ attestations: Array.from({ length: 100 }, () => ({ bundle: {} })) }),
    JSON.stringify({ attestations: [{ bundle: [[[]]] }] }),
  ];
  for (const text of documents) assert.equal(verdictOf(Buffer.from(text)), 'broken', text);
  const notJson = changed((document) => {
    document.attestations[0]!.bundle.dsseEnvelope.payload = Buffer.from('{').toString('base64');
  });
  assert.equal(verdictOf(notJson), 'broken');
});

const FETCHED: FetchedArtifact = {
  artifact: {
    purl: TARBALL.purl,
    ecosystem: 'npm',
    name: 'sigstore',
    version: '0.4.0',
    filename: 'sigstore-0.4.0.tgz',
    path: 'npm/sigstore/sigstore-0.4.0.tgz',
    sizeBytes: undefined,
    digests: { sha512: TARBALL.sha512 },
    url: 'https://registry.example/sigstore/-/sigstore-0.4.0.tgz',
    proof: 'index-hash',
    requiredBy: [],
    requires: [],
    targets: [],
    private: false,
    detail: { attestations: 'https://registry.example/-/npm/v1/attestations/sigstore@0.4.0' },
  },
  sha256: 'ab'.repeat(32),
  sha512: TARBALL.sha512,
  lengthBytes: 1,
};

function provers(answer: Uint8Array | XError): Parameters<typeof proveTarball>[1] {
  const read = (): ReturnType<Upstream['read']> =>
    answer instanceof XError
      ? Promise.reject(answer)
      : Promise.resolve({ bytes: answer } as Awaited<ReturnType<Upstream['read']>>);
  return { keys: registryKeys(), attestationKeys: KEYS, upstream: { read } };
}

test('the source carries what holds, says what it cannot get, and refuses what is broken', async () => {
  const proved = await proveTarball(FETCHED, provers(REAL));
  assert.equal(proved.proof, 'npm-provenance');
  assert.match(proved.note, new RegExp(`^published by ${PUBLISHER.replaceAll('.', '\\.')}; `));
  assert.equal(proved.document?.path, 'npm/sigstore/sigstore-0.4.0.tgz.attestations');
  const failed = new XError('UPSTREAM_UNREACHABLE', 'no answer');
  const without = await proveTarball(FETCHED, provers(failed));
  assert.equal(without.proof, 'index-hash');
  assert.match(without.warning ?? '', /provenance cannot be fetched: no answer/);
  const other = { ...FETCHED, artifact: { ...FETCHED.artifact, purl: 'pkg:npm/other@0.4.0' } };
  await assert.rejects(proveTarball(other, provers(REAL)), { code: 'SIGNATURE_INVALID' });
});

test('the isolated machine checks the carried attestations again', async () => {
  const bytes = new MemoryBytes();
  const entry = {
    bundleId: 'demo@did',
    bundleName: 'demo',
    path: FETCHED.artifact.path,
    kind: 'package',
    ecosystem: 'npm',
    name: 'sigstore',
    version: '0.4.0',
    purl: TARBALL.purl,
    sha256: FETCHED.sha256,
    sha512: TARBALL.sha512,
    proof: 'npm-provenance',
  } as CatalogEntry;
  const check = (body: Uint8Array | undefined) => {
    const carried: CatalogEntry[] =
      body === undefined
        ? []
        : [
            {
              ...entry,
              kind: 'proof',
              path: attestationsPath(entry.path),
              sha256: bytes.add(body),
            },
          ];
    return checkProof(entry, viewOf([entry, ...carried], bytes), {
      signatures: registryKeys(),
      attestations: KEYS,
    });
  };
  const held = await check(REAL);
  assert.deepEqual(held, {
    proof: 'npm-provenance',
    verdict: 'holds',
    note: `published by ${PUBLISHER}`,
  });
  assert.equal((await check(undefined)).verdict, 'broken');
  const forged = changed((document) => {
    const [signature] = document.attestations[0]!.bundle.dsseEnvelope.signatures;
    signature!.sig = flipped(signature!.sig);
  });
  assert.equal((await check(forged)).verdict, 'broken');
});
