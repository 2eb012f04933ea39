import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { isSafePath } from '../../../src/domain/bundle.js';
import type { CatalogEntry } from '../../../src/ports/catalog.js';
import type { NativeRequest, NativeResponse } from '../../../src/ports/ecosystem.js';
import {
  createDebianOriginalServer,
  createDebianServer,
} from '../../../src/ecosystems/debian/server.js';
import { readKeyring, verifySigned } from '../../../src/ecosystems/debian/openpgp.js';
import { buildDeb } from '../../../fixtures/upstream/debian-deb.js';
import { digestOf, NOW, openBench, viewOf, type Bench, type SealedBundle } from './support.js';

let bench: Bench;
let sealed: SealedBundle;
before(async () => {
  bench = await openBench();
  sealed = await bench.seal('x-hello\nx-large\n');
});
after(() => bench[Symbol.asyncDispose]());

function request(path: string): NativeRequest {
  return {
    method: 'GET',
    path,
    query: new URLSearchParams(),
    headers: {},
    baseUrl: 'http://127.0.0.1:8470',
  };
}

function entryAt(path: string): CatalogEntry {
  const entry = sealed.entries.find((candidate) => candidate.path === path);
  assert.ok(entry, `${path} is there`);
  return entry;
}

function bytesAt(path: string): Promise<Uint8Array> {
  return bench.store.read(entryAt(path).sha256);
}

describe('a sealed bundle', () => {
  test('is the same bytes for the same input', async () => {
    const again = await bench.seal('x-hello\nx-large\n');
    const digests = ({ entries }: SealedBundle) =>
      entries.map(({ path, sha256 }) => [path, sha256]);
    assert.deepEqual(digests(again), digests(sealed));
    assert.ok(sealed.entries.every(({ path }) => isSafePath(path)));
  });

  test('is the same bytes at a later time, while the archive stays as it is', async () => {
    const later = new Date(NOW.getTime() + 3_600_000);
    const again = await bench.seal('x-hello\nx-large\n', {}, undefined, later);
    assert.deepEqual(
      again.entries.map(({ path, sha256 }) => [path, sha256]),
      sealed.entries.map(({ path, sha256 }) => [path, sha256]),
    );
  });

  test('has a pruned repository for every suite, signed anew', async () => {
    const key = await readKeyring(await bytesAt('debian/keyring/demo.asc'), 'demo');
    const { text } = await verifySigned(
      { bytes: await bytesAt('debian/dists/fixture/InRelease'), signature: undefined },
      [key],
      NOW,
      'InRelease',
    );
    assert.match(
      text,
      /^Origin: Fixture\nLabel: Fixture\nSuite: fixture\nCodename: fixture\nDate: Sat, 03 Jan 2026 00:00:00 UTC\n/,
    );
    const packages = await bytesAt('debian/dists/fixture/main/binary-amd64/Packages');
    assert.ok(
      text.includes(` ${digestOf(packages)} ${packages.length} main/binary-amd64/Packages\n`),
    );
    const names = [
      ...Buffer.from(packages)
        .toString()
        .matchAll(/^Package: (.*)$/gm),
    ].map(([, name]) => name);
    assert.deepEqual(names, ['x-docs', 'x-hello', 'x-language-de', 'x-large', 'x-screen']);
    const gz = await bytesAt('debian/dists/fixture/main/binary-amd64/Packages.gz');
    assert.deepEqual(gunzipSync(gz), packages);
    const detached = await verifySigned(
      {
        bytes: await bytesAt('debian/dists/fixture/Release'),
        signature: await bytesAt('debian/dists/fixture/Release.gpg'),
      },
      [key],
      NOW,
      'Release',
    );
    assert.equal(detached.text.trimEnd(), text.trimEnd());
  });

  test('carries what the archive signed, byte for byte', async () => {
    const original = bench.fixture.files.get('dists/fixture/InRelease');
    assert.deepEqual(await bytesAt('debian/proof/fixture/InRelease'), Buffer.from(original ?? []));
    assert.ok(entryAt('debian/proof/fixture/main/binary-amd64/Packages.gz'));
  });
});

describe('the server', () => {
  const server = createDebianServer({ keyringFolders: [] });
  const respond = (path: string): Promise<NativeResponse> =>
    server.respond(request(path), sealed.view);

  test('answers the repository, by path and by digest', async () => {
    const paths = [
      'demo/dists/fixture/InRelease',
      'demo/dists/fixture/main/binary-amd64/Packages',
      'demo/pool/main/x/x-greeting/x-greeting_1.3+ds-1_all.deb',
      'demo/keyring.asc',
      'demo/keyring.gpg',
    ];
    for (const path of paths) assert.equal((await respond(path)).kind, 'artifact', path);
    const entry = entryAt('debian/dists/fixture/main/binary-amd64/Packages.gz');
    const answer = await respond(
      `demo/dists/fixture/main/binary-amd64/by-hash/SHA256/${entry.sha256}`,
    );
    assert.equal(answer.kind === 'artifact' && answer.entry.path, entry.path);
  });

  test('answers the untouched original beside it', async () => {
    const original = createDebianOriginalServer({ keyringFolders: [] });
    assert.equal(original.mount, 'debian-original');
    const index = entryAt('debian/proof/fixture/main/binary-amd64/Packages.gz');
    const expected: Record<string, string | undefined> = {
      'demo/dists/fixture/InRelease': 'debian/proof/fixture/InRelease',
      'demo/dists/fixture/main/binary-amd64/Packages.gz': index.path,
      [`demo/dists/fixture/main/binary-amd64/by-hash/SHA256/${index.sha256}`]: index.path,
      'demo/pool/main/x/x-hello/x-hello_2.10-3_amd64.deb':
        'debian/pool/main/x/x-hello/x-hello_2.10-3_amd64.deb',
      'demo/dists/fixture/main/binary-amd64/Packages': undefined,
      'demo/dists/../keyring/demo.asc': undefined,
      'demo/keyring.asc': undefined,
      'other/dists/fixture/InRelease': undefined,
    };
    for (const [path, found] of Object.entries(expected)) {
      const answer = await original.respond(request(path), sealed.view);
      assert.equal(answer.kind === 'artifact' ? answer.entry.path : undefined, found, path);
    }
  });

  test('writes sources of its own for apt, and says of dates what holds for them alone', async () => {
    const { use } = createDebianServer({ aptFolder: '/etc/apt', osReleaseFile: '/dev/null' });
    assert.ok(use);
    const { files } = await use({
      gateway: 'http://127.0.0.1:8470',
      bundles: sealed.view.bundles(),
      view: sealed.view,
      env: {},
      home: '/home/user',
      readFile: () => Promise.resolve(undefined),
    });
    const [keyring, sources] = files;
    assert.equal(keyring?.path, '/etc/apt/keyrings/x-demo.asc');
    assert.match(keyring?.text ?? '', /^-----BEGIN PGP PUBLIC KEY BLOCK-----/);
    assert.equal(sources?.path, '/etc/apt/sources.list.d/x.sources');
    const stanza =
      /Types: deb\nURIs: http:\/\/127\.0\.0\.1:8470\/debian\/demo\nSuites: fixture\nComponents: main\nArchitectures: amd64\nSigned-By: \/etc\/apt\/keyrings\/x-demo\.asc\nCheck-Valid-Until: no\nCheck-Date: no\n/;
    assert.match(sources?.text ?? '', stanza);
  });

  test('has nothing else', async () => {
    const deb = entryAt('debian/pool/main/x/x-hello/x-hello_2.10-3_amd64.deb');
    const paths = [
      '',
      'demo',
      'other/dists/fixture/InRelease',
      'demo/dists/fixture/main/i18n/Translation-en',
      'demo/proof/fixture/InRelease',
      'demo/suites.json',
      `demo/dists/fixture/main/binary-amd64/by-hash/SHA256/${deb.sha256}`,
    ];
    for (const path of paths) assert.equal((await respond(path)).kind, 'not-found', path);
  });
});

describe('a proof', () => {
  const deb = () => entryAt('debian/pool/main/x/x-hello/x-hello_2.10-3_amd64.deb');

  test('holds against a keyring of this machine', async () => {
    const server = createDebianServer({
      keyrings: [bench.fixture.keyringPath],
      keyringFolders: [],
    });
    const verdict = await server.checkProof(deb(), sealed.view, NOW);
    assert.equal(verdict.verdict, 'holds');
    assert.match(verdict.note, /published by Fixture in fixture, signed by DBF7F389/);
  });

  test('is only carried where no keyring has the key', async () => {
    const server = createDebianServer({ keyringFolders: [] });
    assert.equal((await server.checkProof(deb(), sealed.view, NOW)).verdict, 'carried');
  });

  test('is broken where anything in the chain is another', async () => {
    const keyrings = [bench.fixture.keyringPath];
    const verdictOf = async (change: (entry: CatalogEntry) => CatalogEntry, entry = deb()) => {
      const server = createDebianServer({ keyrings, keyringFolders: [] });
      const entries = sealed.entries.map(change);
      return server.checkProof(change(entry), viewOf([sealed.bundle], entries, bench.store), NOW);
    };
    const large = entryAt('debian/pool/main/x/x-large/x-large_1.0_all.deb');
    const otherDeb = await verdictOf((entry) =>
      entry.path === deb().path ? { ...entry, sha256: large.sha256 } : entry,
    );
    assert.equal(otherDeb.verdict, 'broken');
    const release = await bytesAt('debian/proof/fixture/InRelease');
    const forged = await bench.store.putBytes(
      Buffer.from(Buffer.from(release).toString().replace('Origin: Fixture', 'Origin: Forgery')),
    );
    const otherRelease = await verdictOf((entry) =>
      entry.path === 'debian/proof/fixture/InRelease' ? { ...entry, sha256: forged.sha256 } : entry,
    );
    assert.equal(otherRelease.verdict, 'broken');
    assert.match(otherRelease.note, /Signed digest did not match|signature/i);
    const otherIndex = await verdictOf((entry) =>
      entry.path === 'debian/proof/fixture/main/binary-amd64/Packages.gz'
        ? { ...entry, sha256: forged.sha256 }
        : entry,
    );
    assert.equal(otherIndex.verdict, 'broken');
  });
});

test('a control file that disagrees with the index is refused', async () => {
  await using own = await openBench();
  const path = 'pool/main/x/x-docs/x-docs_2.10-3_all.deb';
  const fields = { Package: 'x-docs', Version: '2.10-3', Architecture: 'all', Depends: 'x-hidden' };
  const old = own.fixture.files.get(path) ?? new Uint8Array();
  const deb = buildDeb({ fields, files: {} });
  own.fixture.files.set(path, deb);
  const index = 'dists/fixture/main/binary-amd64/Packages';
  const text = Buffer.from(own.fixture.files.get(index) ?? [])
    .toString()
    .replace(digestOf(old), digestOf(deb))
    .replace(`${path}\nSize: ${old.length}`, `${path}\nSize: ${deb.length}`);
  own.fixture.files.set(index, Buffer.from(text));
  own.fixture.files.delete(`${index}.gz`);
  await own.fixture.sign('fixture');
  await assert.rejects(own.seal('x-docs\n'), {
    code: 'METADATA_INVALID',
    message:
      /x-docs_2\.10-3_all\.deb: its control file has Depends: x-hidden, the index has \(none\)/,
  });
});

test('apt is offered the suites of the machine’s own release, all where none is for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-debian-'));
  try {
    const summary = (suite: string, releases?: string[]) => ({
      suite,
      components: ['main'],
      architectures: ['amd64'],
      ...(releases && { releases }),
    });
    const list = await bench.store.putBytes(
      Buffer.from(
        JSON.stringify({
          suites: [summary('old', ['bookworm']), summary('new', ['trixie']), summary('any')],
        }),
      ),
    );
    const index = entryAt('debian/dists/fixture/InRelease');
    const entries = sealed.entries
      .map((entry) =>
        entry.path === 'debian/suites.json' ? { ...entry, sha256: list.sha256 } : entry,
      )
      .concat(
        ['old', 'new', 'any'].flatMap((suite) =>
          ['InRelease', 'main/binary-amd64/Packages'].map((file) => ({
            ...index,
            path: `debian/dists/${suite}/${file}`,
          })),
        ),
      );
    const view = viewOf([sealed.bundle], entries, bench.store);
    const osReleaseFile = join(folder, 'os-release');
    const suitesOn = async (codename: string): Promise<string[]> => {
      await writeFile(osReleaseFile, `ID=debian\nVERSION_CODENAME=${codename}\n`);
      const server = createDebianServer({ keyringFolders: [], osReleaseFile });
      const { files } = await server.settings({
        command: 'apt-get',
        gateway: 'http://127.0.0.1:1',
        bundles: [sealed.bundle],
        view,
      });
      const text = files.find(({ path }) => path.endsWith('x.sources'))?.text ?? '';
      return [...text.matchAll(/^Suites: (.*)$/gm)].map(([, suite]) => suite ?? '');
    };
    assert.deepEqual(await suitesOn('bookworm'), ['old', 'any']);
    assert.deepEqual(await suitesOn('trixie'), ['new', 'any']);
    assert.deepEqual(await suitesOn('sid'), ['old', 'new', 'any']);
    const own = JSON.parse(Buffer.from(await bytesAt('debian/suites.json')).toString()) as {
      suites: { releases: string[] }[];
    };
    assert.deepEqual([...new Set(own.suites.flatMap(({ releases }) => releases))], ['bookworm']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

const noApt = spawnSync('apt-config', ['--version']).status !== 0 && 'apt-config is not installed';
test(
  'the machine’s own apt configuration does not override the settings',
  { skip: noApt },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'x-debian-'));
    try {
      const host = join(folder, 'host');
      await mkdir(join(host, 'apt.conf.d'), { recursive: true });
      const proxy = 'Acquire::http::Proxy "http://proxy.example:3128";';
      await writeFile(join(host, 'apt.conf.d/99proxy'), proxy);
      await writeFile(join(host, 'apt.conf'), 'APT::Default-Release "other";');
      const { files } = await createDebianServer().settings({
        command: 'apt-get',
        gateway: 'http://127.0.0.1:1',
        bundles: [sealed.bundle],
        view: sealed.view,
      });
      const ours = files.find(({ path }) => path === 'apt.conf')?.text.replaceAll('{dir}', folder);
      // In the place of /etc/apt, which a test cannot write.
      await writeFile(join(folder, 'apt.conf'), `Dir::Etc "${host}";\n${ours ?? ''}`);
      const env = { ...process.env, APT_CONFIG: join(folder, 'apt.conf') };
      const { status, stdout, stderr } = spawnSync('apt-config', ['dump'], {
        env,
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, /^Acquire::http::Proxy "DIRECT";$/m);
      assert.doesNotMatch(stdout, /proxy\.example|"other"/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

test('the settings of apt take no word of configuration from a bundle', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-debian-'));
  try {
    const server = createDebianServer({ keyringFolders: [folder] });
    await writeFile(join(folder, 'no.gpg'), 'nonsense');
    const settings = {
      command: 'apt-get',
      gateway: 'http://127.0.0.1:1',
      bundles: [sealed.bundle],
    };
    const { files, env } = await server.settings({ ...settings, view: sealed.view });
    assert.equal(env['APT_CONFIG'], '{dir}/apt.conf');
    assert.ok(
      files.some(
        ({ path }) => path === 'state/lists/127.0.0.1:1_debian_demo_dists_fixture_InRelease',
      ),
    );
    const evil = await bench.store.putBytes(
      Buffer.from(
        JSON.stringify({
          suites: [{ suite: 'x\nTrusted: yes', components: [], architectures: [] }],
        }),
      ),
    );
    const entries = sealed.entries.map((entry) =>
      entry.path === 'debian/suites.json' ? { ...entry, sha256: evil.sha256 } : entry,
    );
    const view = viewOf([sealed.bundle], entries, bench.store);
    await assert.rejects(server.settings({ ...settings, view }), { code: 'METADATA_INVALID' });
    // A file in a keyring folder that is no keyring spoils nothing.
    const deb = entryAt('debian/pool/main/x/x-hello/x-hello_2.10-3_amd64.deb');
    assert.equal((await server.checkProof(deb, sealed.view, NOW)).verdict, 'carried');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
