import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { whyNoClient, whyNoNamespace } from '../../fixtures/namespace.js';
import { startFixtures } from '../../fixtures/upstream/fixtures.js';
import { x } from '../../fixtures/x-process.js';
import { besideResident, isolated, signedOf, xIn } from './e2e-world.js';

const skip = whyNoNamespace() ?? whyNoClient('python3') ?? false;
/** The one that inputs name for a gateway; in the namespace every port is free. */
const PORT = 8470;
const folder = await mkdtemp(join(tmpdir(), 'x-fetched-'));
after(() => rm(folder, { recursive: true, force: true }));

test(
  'requirements files that were fetched are carried, and real pip installs from them without a network',
  { skip },
  async (t) => {
    const fixtures = await startFixtures(join(folder, 'fixtures'));
    t.after(() => fixtures.close());
    const { server } = fixtures;
    const web: Record<string, string> = {
      // On the isolated machine this index and these addresses are dead.
      'team/base.txt': `--index-url ${server.pypiIndex}\n-r ../tools.txt\n-c limits.txt\nx-gamma\n`,
      'tools.txt': 'x-tool\n',
      'team/limits.txt': 'x-gamma<1\n',
      'top.txt': '-r team/base.txt\n',
    };
    for (const [path, body] of Object.entries(web)) {
      const headers = { 'content-type': 'text/plain' };
      server.inject({ path: `/files/${path}`, status: 200, body, headers });
    }
    const project = join(folder, 'project');
    await mkdir(join(project, 'sub'), { recursive: true });
    const base = `${server.url}/files`;
    await writeFile(join(project, 'requirements.txt'), '-r sub/nested.txt\n');
    await writeFile(
      join(project, 'sub/nested.txt'),
      `--requirement ${base.replace('://', '://${FILES_USER}:${FILES_PASSWORD}@')}/team/base.txt # all of us\n`,
    );
    const stick = join(folder, 'stick');
    const made = await x(
      [
        ...['source', '-r', join(project, 'requirements.txt'), '-r', `${base}/top.txt`],
        ...['--constraint', `${base}/team/limits.txt`],
        ...['--name', 'field', '--data', join(folder, 'source'), '--listen', '0', '--json'],
        ...[...fixtures.allArgs, '--once', '--export', stick],
      ],
      { env: { ...fixtures.allEnv, FILES_USER: 'u', FILES_PASSWORD: 'geheim' } },
    );
    assert.equal(made.code, 0, made.stdout + made.stderr);
    assert.match(made.stdout, /fetched without TLS/);
    const fetched = server.requests.filter(({ path }) => path.startsWith('/files/'));
    assert.deepEqual(
      fetched.map(({ path }) => path).sort(),
      Object.keys(web)
        .map((path) => `/files/${path}`)
        .sort(),
    );
    const login = `Basic ${Buffer.from('u:geheim').toString('base64')}`;
    // The constraint is read before the file that brings the login.
    const known = fetched.filter(({ path }) => !path.endsWith('limits.txt'));
    assert.ok(known.every(({ headers }) => headers['authorization'] === login));

    const data = join(folder, 'isolated');
    const did = String(signedOf(made.stdout)['did']);
    const taken = await x(['import', stick, '--trust', did, '--data', data]);
    assert.equal(taken.code, 0, taken.stdout + taken.stderr);
    const run = xIn(data);
    const pip = 'run -- python3 -m pip install --no-cache-dir --no-input';
    const outcome = await isolated(
      `${run(`${pip} --target by-file -r requirements.txt`)} && ls by-file
${run(`${pip} --target by-address -r ${base}/top.txt`)} && ls by-address
${run('inputs field given')} && ${run('inputs field as-was --original')}
${besideResident(
  data,
  'python3 -m pip install --no-cache-dir --target by-inputs -r given/requirements.txt && ls by-inputs',
  PORT,
)}`,
      project,
    );
    assert.equal(outcome.code, 0, outcome.output);
    assert.equal(outcome.output.match(/^x_gamma$/gm)?.length, 3, outcome.output);
    assert.equal(outcome.output.match(/^x_tool$/gm)?.length, 3, outcome.output);
    const host = new URL(server.url).host.replace(':', '_');
    const given = (path: string) => readFile(join(project, 'given', path), 'utf8');
    assert.equal(
      await given('sub/nested.txt'),
      `--requirement ../fetched/${host}/base.txt # all of us\n`,
    );
    assert.match(await given(`fetched/${host}/base.txt`), /^-r tools\.txt\n-c limits\.txt$/m);
    const original = join(project, 'as-was/fetched', host);
    assert.equal(await readFile(join(original, 'base.txt'), 'utf8'), web['team/base.txt']);
    assert.equal(await readFile(join(original, 'limits.txt'), 'utf8'), web['team/limits.txt']);
  },
);
