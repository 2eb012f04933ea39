import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { wheelOf } from '../../fixtures/upstream/pypi-archives.js';
import { x, XProcess, type XExit } from '../../fixtures/x-process.js';
import { Lan, whyNoNamespaces } from '../swarm/namespaces.js';
import { STEP_MS } from './world.js';

const skip = whyNoNamespaces() ?? false;
/** Of the networks for documentation (RFC 5737): neither private nor on each other's link. */
const [SOURCE, FAR] = ['203.0.113.1', '198.51.100.1'];

describe('a source at a public address', { skip }, () => {
  let folder: string;
  let lan: Lan;
  let source: string;
  let far: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'x-far-'));
    for (const name of ['x-own', 'x-shared']) {
      const { filename, bytes } = wheelOf({ name, version: '1.0', files: [['a.py', '1']] });
      const project = join(folder, 'simple', name);
      await mkdir(project, { recursive: true });
      await writeFile(join(project, filename), bytes);
      await writeFile(join(project, 'index.html'), `<a href="${filename}">${filename}</a>`);
      await writeFile(join(folder, `${name}.txt`), `${name}\n`);
    }
    lan = new Lan();
    [source, far] = [lan.host(), lan.host()];
    lan.plug(source, 'eth0', [`${SOURCE}/32`]);
    lan.plug(far, 'eth0', [`${FAR}/32`]);
    for (const host of [source, far]) lan.route(host, 'eth0');
  });
  after(async () => {
    await lan?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const inHost = (host: string): { prefix: string[]; env: NodeJS.ProcessEnv } => ({
    prefix: ['ip', 'netns', 'exec', host],
    env: { PIP_INDEX_URL: `file://${join(folder, 'simple')}`, PIP_CONFIG_FILE: '/dev/null' },
  });
  const asSource = (data: string, name: string, ...more: string[]): string[] => [
    ...['source', '-r', join(folder, `${name}.txt`), '--data', join(folder, data)],
    ...['--python', '3.11', '--platform', 'linux/amd64', '--json', ...more],
  ];
  const client = (data: string, master: string): Promise<XExit> =>
    x(
      [
        ...['client', '--once', '--json', '--port', '0', '--data', join(folder, data)],
        ...['--master', master],
      ],
      inHost(far),
    );

  test('gives what is for members to members, from anywhere, and what is open to nobody far away', async () => {
    const signed = await x(asSource('source', 'x-shared', '--once'), inHost(source));
    assert.equal(signed.code, 0, signed.stdout + signed.stderr);
    const serving = new XProcess(asSource('source', 'x-own', '--members'), inHost(source));
    try {
      const { invite } = await serving.waitFor('serving', STEP_MS);
      assert.match(String(invite), new RegExp(`@${SOURCE}:8471$`));
      const stranger = await client('stranger', String(invite));
      assert.equal(stranger.code, 3, stranger.stdout);
      assert.match(stranger.stdout, /NOT_A_MEMBER/);

      const made = await x(['invite', '--json', '--data', join(folder, 'source')], inHost(source));
      const { created } = JSON.parse(made.stdout) as { created: { invite: string } };
      const member = await client('member', created.invite);
      assert.equal(member.code, 0, member.stdout);
      const held = await x(['ls', '--json', '--data', join(folder, 'member')]);
      const { bundles } = JSON.parse(held.stdout) as { bundles: { name: string }[] };
      assert.deepEqual(
        bundles.map(({ name }) => name),
        ['x-own'],
      );
    } finally {
      await serving.stop();
    }
  });

  test('that has open bundles alone does not answer from far away', async () => {
    const serving = new XProcess(asSource('open', 'x-shared'), inHost(source));
    try {
      const { invite } = await serving.waitFor('serving', STEP_MS);
      const outcome = await client('stranger', String(invite));
      assert.equal(outcome.code, 1, outcome.stdout);
      assert.match(outcome.stdout, /MASTER_UNREACHABLE/);
    } finally {
      await serving.stop();
    }
  });
});
