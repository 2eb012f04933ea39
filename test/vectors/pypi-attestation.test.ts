import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlannedArtifact } from '../../src/domain/plan.js';
import { checkProvenance, type ProvenanceVerdict } from '../../src/ecosystems/pypi/attestation.js';
import { checkPypiProof } from '../../src/ecosystems/pypi/check-proof.js';
import { proveArtifact } from '../../src/ecosystems/pypi/prove.js';
import type { CatalogEntry } from '../../src/ports/catalog.js';
import type { HeldView } from '../../src/ports/ecosystem.js';
import { failureOf } from '../ecosystems/pypi/fixture-source.js';
import { missing, readVectors } from './pypi-vectors.js';

const skip = missing('pep740-attestation.json');

interface Vector {
  file: string;
  sha256: string;
  publisher: Record<string, string>;
  bundle: {
    verificationMaterial: {
      certificate: { rawBytes: string };
      tlogEntries: { logId: { keyId: string } }[];
    };
    dsseEnvelope: { payload: string; signatures: { sig: string }[] };
  };
}

interface Attestation {
  version: number;
  verification_material: {
    certificate: string;
    transparency_entries: { logId: { keyId: string } }[];
  };
  envelope: { statement: string; signature: string };
}

interface Provenance {
  version: number;
  attestation_bundles: { publisher: Record<string, string>; attestations: Attestation[] }[];
}

const vector = skip === false ? readVectors<Vector>('pep740-attestation.json') : undefined;

/** The real attestation as an index would serve it, changed before it is. */
function provenance(
  change: (one: Attestation, whole: Provenance) => void = () => undefined,
): Buffer {
  assert.ok(vector);
  const { verificationMaterial, dsseEnvelope } = structuredClone(vector.bundle);
  const attestation: Attestation = {
    version: 1,
    verification_material: {
      certificate: verificationMaterial.certificate.rawBytes,
      transparency_entries: verificationMaterial.tlogEntries,
    },
    envelope: {
      statement: dsseEnvelope.payload,
      signature: dsseEnvelope.signatures[0]?.sig ?? '',
    },
  };
  const publisher = { ...vector.publisher };
  const whole = { version: 1, attestation_bundles: [{ publisher, attestations: [attestation] }] };
  change(attestation, whole);
  return Buffer.from(JSON.stringify(whole));
}

function check(
  bytes: Buffer,
  more: { filename?: string; sha256?: string } = {},
): ProvenanceVerdict {
  assert.ok(vector);
  return checkProvenance(bytes, { filename: vector.file, sha256: vector.sha256, ...more });
}

function flipped(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64');
  const index = at % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes.toString('base64');
}

test('a real attestation holds, and names who published', { skip }, () => {
  assert.deepEqual(check(provenance()), {
    verdict: 'holds',
    publisher:
      'github.com/trailofbits/pypi-attestations, .github/workflows/release.yml at refs/tags/v0.0.19',
  });
});

test('of other bytes, another file or another publisher it is broken', { skip }, () => {
  const reason = (verdict: ProvenanceVerdict): string =>
    verdict.verdict === 'broken' ? verdict.reason : verdict.verdict;
  assert.match(reason(check(provenance(), { sha256: 'a'.repeat(64) })), /of other bytes/);
  const other = { filename: 'pypi_attestations-0.0.20.tar.gz' };
  assert.match(reason(check(provenance(), other)), /of pypi_attestations-0\.0\.19/);
  for (const change of [{ repository: 'someone/else' }, { workflow: 'other.yml' }]) {
    const claimed = provenance((_, whole) => {
      Object.assign(whole.attestation_bundles[0]!.publisher, change);
    });
    assert.match(reason(check(claimed)), /its index names GitHub/);
  }
});

test('one changed byte anywhere in what is signed, and it does not hold', { skip }, () => {
  for (let at = 0; at < 2_000; at += 97) {
    for (const part of ['statement', 'signature'] as const) {
      const changed = provenance(({ envelope }) => {
        envelope[part] = flipped(envelope[part], at);
      });
      assert.equal(check(changed).verdict, 'broken', `${part}, byte ${at}`);
    }
    const certificate = provenance(({ verification_material: material }) => {
      // Past the outermost header, which no signature covers.
      material.certificate = flipped(material.certificate, 4 + at);
    });
    assert.notEqual(check(certificate).verdict, 'holds', `certificate, byte ${at}`);
  }
});

test('a log that this machine does not know is said to be unknown', { skip }, () => {
  const elsewhere = provenance(
    ({
      verification_material: {
        transparency_entries: [entry],
      },
    }) => {
      entry!.logId.keyId = Buffer.alloc(32, 7).toString('base64');
    },
  );
  assert.equal(check(elsewhere).verdict, 'unknown-anchor');
  const unlogged = provenance(({ verification_material: material }) => {
    material.transparency_entries = [];
  });
  assert.equal(check(unlogged).verdict, 'broken');
});

test('provenance that is nonsense is broken', { skip }, () => {
  const texts = [
    '',
    '[]',
    '{"version":2,"attestation_bundles":[]}',
    '{"version":1,"attestation_bundles":[]}',
    '{"version":1,"attestation_bundles":[{"attestations":[{}]}]}',
    '{"version":1,"attestation_bundles":[null]}',
    `${'['.repeat(100_000)}`,
  ];
  for (const text of texts)
    assert.equal(check(Buffer.from(text)).verdict, 'broken', text.slice(0, 60));
  const many = provenance((one, whole) => {
    whole.attestation_bundles[0]!.attestations = Array.from({ length: 65 }, () => one);
  });
  assert.match(JSON.stringify(check(many)), /more than 64/);
  const garbled = provenance(({ verification_material: material }) => {
    material.certificate = 'AAAA';
    material.transparency_entries = [{ logId: { keyId: 'AAAA' } }];
  });
  assert.notEqual(check(garbled).verdict, 'holds');
});

test(
  'the source carries it as a proof document, and the client says who published',
  { skip },
  async () => {
    assert.ok(vector);
    const path = `pypi/pypi-attestations/${vector.file}`;
    const artifact: PlannedArtifact = {
      purl: 'pkg:pypi/pypi-attestations@0.0.19',
      ecosystem: 'pypi',
      name: 'pypi-attestations',
      version: '0.0.19',
      filename: vector.file,
      path,
      sizeBytes: undefined,
      digests: { sha256: vector.sha256 },
      url: `https://files.test/${vector.file}`,
      proof: 'pep740',
      requiredBy: [],
      requires: [],
      targets: [],
      private: false,
      detail: { provenance: 'https://index.test/provenance' },
    };
    const bytes = provenance();
    const upstream = { read: () => Promise.resolve({ url: '', bytes, contentType: undefined }) };
    const fetched = { artifact, sha256: vector.sha256, sha512: '', lengthBytes: 1 };
    const proved = await proveArtifact(fetched, upstream);
    assert.equal(proved.proof, 'pep740');
    assert.equal(proved.document?.path, `${path}.provenance`);

    const entryOf = (more: Partial<CatalogEntry>): CatalogEntry => ({
      path,
      kind: 'package',
      ecosystem: 'pypi',
      proof: 'pep740',
      requires: [],
      targets: [],
      private: false,
      sha256: vector.sha256,
      lengthBytes: 1,
      pieceRoot: '',
      bundleId: 'b',
      bundleName: 'b',
      ...more,
    });
    const viewOf = (carried: Uint8Array | undefined): HeldView => ({
      bundles: () => [],
      entriesByName: () => [],
      entryByPath: (_, asked) =>
        carried !== undefined && asked === `${path}.provenance`
          ? entryOf({ path: asked, kind: 'proof', proof: 'none' })
          : undefined,
      entriesBySha256: () => [],
      names: () => [],
      read: () => Promise.resolve(carried ?? Buffer.alloc(0)),
    });
    const verdict = await checkPypiProof(entryOf({}), viewOf(bytes));
    assert.equal(verdict.verdict, 'holds');
    assert.match(verdict.note, /published by github\.com\/trailofbits/);
    assert.equal((await checkPypiProof(entryOf({}), viewOf(undefined))).verdict, 'broken');
    const swapped = await checkPypiProof(entryOf({ sha256: 'b'.repeat(64) }), viewOf(bytes));
    assert.equal(swapped.verdict, 'broken');

    const wrong = { ...fetched, sha256: 'c'.repeat(64) };
    assert.equal((await failureOf(proveArtifact(wrong, upstream))).code, 'SIGNATURE_INVALID');
  },
);
