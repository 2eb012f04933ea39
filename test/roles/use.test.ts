import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { npmConfiguration } from '../../src/ecosystems/npm/client-configuration.js';
import { pypiConfiguration } from '../../src/ecosystems/pypi/client-configuration.js';
import type { ClientConfiguration, UseRequest } from '../../src/ports/ecosystem.js';
import { x } from '../../fixtures/x-process.js';

const GATEWAY = 'http://127.0.0.1:8470';

function requestOf(files: Record<string, string>, more: Partial<UseRequest> = {}): UseRequest {
  return {
    gateway: GATEWAY,
    bundles: [],
    view: { names: () => ['lodash', '@held/one'] } as unknown as UseRequest['view'],
    home: '/home/u',
    env: {},
    readFile: (path) => Promise.resolve(files[path]),
    ...more,
  };
}

const textAt = ({ files }: ClientConfiguration, path: string): string =>
  files.find((file) => file.path === path)?.text ?? assert.fail(path);

test('an .npmrc keeps its logins and leads to the gateway alone', async () => {
  const before = `; mine
registry = https://registry.example/
//registry.example/:_authToken=\${TOKEN}
@held:registry=https://held.example/
@other:registry=https://other.example/
replace-registry-host=never
noproxy=intranet.example
save-exact=true
[section]
a=b
`;
  const made = await npmConfiguration(requestOf({ '/home/u/.npmrc': before }));
  assert.deepEqual(textAt(made, '/home/u/.npmrc').split('\n').slice(1), [
    'registry=http://127.0.0.1:8470/npm/',
    'replace-registry-host=always',
    'noproxy=intranet.example,127.0.0.1',
    '@held:registry=http://127.0.0.1:8470/npm/',
    '; mine',
    '//registry.example/:_authToken=${TOKEN}',
    '@other:registry=https://other.example/',
    'save-exact=true',
    '[section]',
    'a=b',
    '',
  ]);
  const twice = await npmConfiguration(
    requestOf({}, { env: { NPM_CONFIG_USERCONFIG: '/etc/me', npm_config_registry: 'x' } }),
  );
  assert.equal(twice.files[0]?.path, '/etc/me');
  assert.match(twice.notes.join('\n'), /unset npm_config_registry/);
});

test('a .yarnrc.yml keeps what is not of registries, whatever lines the rest has', async () => {
  const before = `nodeLinker: node-modules
unsafeHttpWhitelist:
  - intranet.example

- still of the list
"npmRegistryServer": "https://registry.example"
plugins:
  - path: a.cjs
`;
  const made = await npmConfiguration(
    requestOf({ '/home/u/.yarnrc.yml': before }, { gateway: 'https://box:1', certificate: '/c' }),
  );
  assert.deepEqual(textAt(made, '/home/u/.yarnrc.yml').split('\n').slice(1), [
    'npmRegistryServer: "https://box:1/npm"',
    'httpsCaFilePath: "/c"',
    'enableTelemetry: false',
    'nodeLinker: node-modules',
    'unsafeHttpWhitelist:',
    '  - intranet.example',
    '',
    '- still of the list',
    'plugins:',
    '  - path: a.cjs',
    '',
  ]);
  const plain = await npmConfiguration(requestOf({ '/home/u/.yarnrc.yml': before }));
  assert.ok(!textAt(plain, '/home/u/.yarnrc.yml').includes('intranet.example'));
  assert.match(textAt(plain, '/home/u/.yarnrc.yml'), /^unsafeHttpWhitelist: \["127.0.0.1"\]$/m);
});

test('pnpm takes a lockfile at its word, in the file of its own that each platform has', async () => {
  const before = 'storeDir: /s\ntrustLockfile: false\n';
  const places = [
    ['linux', {}, '/home/u/.config/pnpm/config.yaml'],
    ['linux', { XDG_CONFIG_HOME: '/xdg' }, '/xdg/pnpm/config.yaml'],
    ['darwin', {}, '/home/u/Library/Preferences/pnpm/config.yaml'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/pnpm/config/config.yaml'],
    ['win32', {}, '/home/u/.config/pnpm/config.yaml'],
  ] as const;
  for (const [platform, env, path] of places) {
    const made = await npmConfiguration(requestOf({ [path]: before }, { env }), platform);
    const lines = textAt(made, path).split('\n').slice(1);
    assert.deepEqual(lines, ['trustLockfile: true', 'storeDir: /s', '']);
  }
});

test("pip's and uv's files keep what is not of places", async () => {
  const pip = `# mine
[install]
index-url = https://a.example/simple
no-compile = true
[global]
timeout = 5
extra_index_url:
    https://b.example/simple
    https://c.example/simple
find-links = /x
[freeze]
all = true
`;
  const uv =
    'offline = false\nextra-index-url = ["https://b"]\n[pip]\nindex-url = "https://c"\nstrict = true\n[[index]]\nurl = "https://a"\n';
  const files = { '/home/u/.config/pip/pip.conf': pip, '/home/u/.config/uv/uv.toml': uv };
  const made = await pypiConfiguration(requestOf(files), 'linux');
  assert.deepEqual(textAt(made, '/home/u/.config/pip/pip.conf').split('\n'), [
    '# mine',
    '[install]',
    'no-compile = true',
    '[global]',
    '# Written by x use pip; x use pip --undo brings back what was here.',
    'index-url = http://127.0.0.1:8470/pypi/simple/',
    'extra-index-url =',
    'find-links =',
    'no-index =',
    'disable-pip-version-check = true',
    'timeout = 5',
    '[freeze]',
    'all = true',
    '',
  ]);
  const toml = textAt(made, '/home/u/.config/uv/uv.toml');
  assert.match(toml, /url = "http:\/\/127\.0\.0\.1:8470\/pypi\/simple\/"\ndefault = true/);
  assert.ok(!/https:\/\/[abc]/.test(toml) && /strict = true/.test(toml), toml);
  const afar = requestOf({}, { gateway: 'http://box:8470', env: { XDG_CONFIG_HOME: '/xdg' } });
  const far = await pypiConfiguration(afar, 'linux');
  assert.match(textAt(far, '/xdg/pip/pip.conf'), /^trusted-host = box$/m);
  assert.match(textAt(far, '/xdg/uv/uv.toml'), /allow-insecure-host = \[ "box:8470" \]/);
  await assert.rejects(
    pypiConfiguration(requestOf({ '/home/u/.config/uv/uv.toml': '= ' }), 'linux'),
    { code: 'INPUT_MALFORMED' },
  );
});

test('x use and its undo leave a home as it was, to the byte', async () => {
  const home = await mkdtemp(join(tmpdir(), 'x-use-cli-'));
  try {
    await mkdir(join(home, '.config/pip'), { recursive: true });
    const [npmrc, pip] = [join(home, '.npmrc'), join(home, '.config/pip/pip.conf')];
    const before = ['registry=https://a.example\r\n\n\n; end', '[global]\nindex-url=https://a\n'];
    await writeFile(npmrc, before[0] ?? '');
    await writeFile(pip, before[1] ?? '');
    // npm tells its scripts where the user's own file is: that one is none of this test's business.
    const own = Object.keys(process.env).filter((name) => /^(npm_config_|pip_|uv_)/i.test(name));
    const env = {
      ...Object.fromEntries(own.map((name) => [name, undefined])),
      HOME: home,
      X_DATA: join(home, 'data'),
      XDG_CONFIG_HOME: '',
    };
    for (const command of ['npm', 'pip']) {
      const used = await x(['use', command, '--port', '8999'], { env });
      assert.equal(used.code, 0, used.stderr);
      assert.match(used.stdout, new RegExp(`x use ${command} --undo`));
    }
    assert.match(await readFile(npmrc, 'utf8'), /^registry=http:\/\/127\.0\.0\.1:8999\/npm\/$/m);
    for (const command of ['pnpm', 'pip3.12']) {
      const undone = await x(['use', command, '--undo'], { env });
      assert.equal(undone.code, 0, undone.stderr);
    }
    assert.deepEqual([await readFile(npmrc, 'utf8'), await readFile(pip, 'utf8')], before);
    await assert.rejects(readFile(join(home, '.yarnrc.yml')), { code: 'ENOENT' });
    const again = await x(['use', 'npm', '--undo'], { env });
    assert.equal(again.code, 2);
    await writeFile(npmrc, Buffer.from([0x61, 0xff, 0x0a]));
    const odd = await x(['use', 'npm'], { env });
    assert.match(odd.stderr, /is not text in UTF-8/);
    assert.deepEqual([...(await readFile(npmrc))], [0x61, 0xff, 0x0a]);
  } finally {
    await rm(home, { recursive: true });
  }
});
