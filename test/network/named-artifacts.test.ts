import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { sha256 } from '../../src/domain/digest.js';
import { NamedArtifacts, type NamedArtifact } from '../../src/network/named-artifacts.js';

const artifact = (name: string, packageId?: string): NamedArtifact => ({
  digests: { sha256: sha256(name) },
  sizeBytes: 7,
  packageId,
});

test('dependents are counted once each, whichever was named first', () => {
  const named = new NamedArtifacts();
  named.requires('npm a', ['npm lodash']);
  named.note(artifact('lodash-4', 'npm lodash'));
  named.requires('npm b', ['npm lodash', 'npm other']);
  named.requires('npm b', ['npm lodash']);
  // Asked for by its digest alone, it is still of that package.
  named.note(artifact('lodash-4'));
  named.note(artifact('unknown'));
  named.note({ ...artifact('nothing'), digests: {} });
  assert.deepEqual(
    [...named.all()].map(({ dependents }) => dependents),
    [2, 0],
  );
});

test('memory is bounded: what was named longest ago is forgotten', () => {
  const named = new NamedArtifacts();
  for (let i = 0; i < BOUNDS.namedArtifacts + 10; i++)
    named.note({ digests: { sha256: String(i) }, sizeBytes: 1, packageId: undefined });
  assert.equal(named.size, BOUNDS.namedArtifacts);
  const [first] = named.all();
  assert.equal(first?.digests.sha256, '10');
  for (let i = 0; i < 2 * BOUNDS.countedDependents; i++) named.requires(`npm ${i}`, ['npm x']);
  named.note(artifact('x', 'npm x'));
  assert.equal([...named.all()].at(-1)?.dependents, BOUNDS.countedDependents);
});
