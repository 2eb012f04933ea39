import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPypiFixture, type PypiFixture } from '../../../fixtures/upstream/pypi.js';
import { sha512 } from '../../../src/domain/digest.js';
import { failureOf, fixtureSource, heldOf, planOf } from './fixture-source.js';

const WRONG = ['a'.repeat(64), 'b'.repeat(64)];

/** The same index in HTML, without a digest. */
function bare(fixture: PypiFixture): PypiFixture {
  return {
    ...fixture,
    handle: async (path, headers, origin) => {
      const answer = await fixture.handle(path, { ...headers, accept: 'text/html' }, origin);
      if (!path.startsWith('/simple/')) return answer;
      const body = Buffer.from(answer.body)
        .toString()
        .replaceAll(/#sha256=[0-9a-f]+/g, '');
      return { ...answer, body: Buffer.from(body) };
    },
  };
}

const fixture = buildPypiFixture();
const beta = fixture.files.find(({ filename }) => filename.startsWith('x_beta-1.5'));
assert.ok(beta);

async function sealed(index: PypiFixture, hashes: readonly string[]): Promise<unknown> {
  const source = fixtureSource({}, index);
  const line = ['x-beta==1.5', ...hashes.map((hash) => `--hash=${hash}`)].join(' ');
  return source.seal(heldOf(await planOf(source, line), fixture));
}

test('of several demanded hashes the fetched bytes must have one, where the index gives none', async () => {
  const wrong = WRONG.map((hex) => `sha256:${hex}`);
  const failure = await failureOf(sealed(bare(fixture), wrong));
  assert.equal(failure.code, 'DIGEST_MISMATCH');
  await sealed(bare(fixture), [...wrong, `sha256:${beta.sha256}`]);
});

test('a demanded sha512 counts, where the index gives a sha256', async () => {
  const failure = await failureOf(sealed(fixture, [`sha512:${'c'.repeat(128)}`]));
  assert.equal(failure.code, 'DIGEST_MISMATCH');
  await sealed(fixture, [`sha512:${sha512(beta.bytes)}`]);
});

test('a hash that no file has is told apart from a version that there is none of', async () => {
  const hash = `--hash=sha256:${'a'.repeat(64)}`;
  const file = await failureOf(planOf(fixtureSource(), `x-beta==1.5 ${hash}`));
  assert.equal(file.code, 'NO_ARTIFACT');
  assert.match(file.message, /no file of x-beta for .* demanded: .*x-beta==1\.5/);
  assert.ok(file.hint?.includes(`x_beta-1.5-py3-none-any.whl has sha256:${beta.sha256}`));
  const version = await failureOf(planOf(fixtureSource(), `x-beta==9 ${hash}`));
  assert.equal(version.code, 'VERSION_NOT_FOUND');
  assert.match(version.hint ?? '', /2\.0, 1\.5, of which no file has the hash/);
});
