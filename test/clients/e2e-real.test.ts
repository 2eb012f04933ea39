import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { inThrowAwayRoot, run, whyNoClient, whyNoNamespace } from '../../fixtures/namespace.js';
import { reachableUpstreams } from '../../fixtures/reachable.js';
import { x } from '../../fixtures/x-process.js';
import { isolated, signedOf, xIn } from './e2e-world.js';

const noNamespace = whyNoNamespace();
const DEADLINE_MS = 120_000;

type Upstreams = Awaited<ReturnType<typeof reachableUpstreams>>;

/** The sets are of the size that people carry; what they hold is upstream's of today. */
describe(
  'real sets from the real upstreams, installed without a network',
  {
    skip: noNamespace ?? false,
  },
  () => {
    let folder: string;
    let reachable: Upstreams;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'x-real-'));
      reachable = await reachableUpstreams();
    });
    after(() => rm(folder, { recursive: true, force: true }));

    /** True where the test is skipped, with the reason given. */
    function skips(t: TestContext, ecosystem: keyof Upstreams, client: string): boolean {
      const why =
        whyNoClient(client) ??
        (reachable[ecosystem] ? undefined : `the upstream of ${ecosystem} does not answer`);
      if (why !== undefined) t.skip(why);
      return why !== undefined;
    }

    /** Resolves, signs and exports; the same again signs nothing; imported into a folder of its own. */
    async function carried(name: string, files: string[], more: string[] = []): Promise<string> {
      const stick = join(folder, `${name}-stick`);
      const data = join(folder, `${name}-isolated`);
      const inputs = files.flatMap((file) => ['-r', file]);
      const args = ['source', ...inputs, '--name', name, '--data', join(folder, name), ...more];
      const first = await x([...args, '--once', '--json', '--export', stick], {
        deadlineMs: DEADLINE_MS,
      });
      assert.equal(first.code, 0, first.stdout + first.stderr);
      const again = await x([...args, '--once', '--json'], { deadlineMs: DEADLINE_MS });
      assert.equal(signedOf(again.stdout)['changed'], false, again.stdout);
      const did = String(signedOf(first.stdout)['did']);
      const imported = await x(['import', stick, '--trust', did, '--data', data]);
      assert.equal(imported.code, 0, imported.stderr);
      return data;
    }

    test('pip: flask and pandas', async (t) => {
      if (skips(t, 'pypi', 'python3')) return;
      const file = join(folder, 'requirements.txt');
      await writeFile(file, 'flask\npandas\n');
      const data = await carried('python', [file]);
      const { code, output } = await isolated(
        `python3 -m venv venv
${xIn(data)(`run -- venv/bin/pip install -q -r ${file}`)}
venv/bin/python -c 'import flask, pandas; print("rows", len(pandas.DataFrame({"a": [1, 2]})))'
venv/bin/pip check`,
        folder,
      );
      assert.equal(code, 0, output);
      assert.match(output, /rows 2/);
    });

    test('npm: a lockfile of a hundred packages and more, with platform binaries', async (t) => {
      if (skips(t, 'npm', 'npm')) return;
      const [app, site] = [join(folder, 'app'), join(folder, 'site')];
      await writeManifest(app, {
        dependencies: { express: '^5', esbuild: '^0.25', '@biomejs/biome': '^1' },
        devDependencies: { webpack: '^5', eslint: '^9' },
      });
      await writeManifest(site, { devDependencies: { vite: '^6' } });
      const env = { npm_config_cache: join(folder, 'npm-cache') };
      const locked = await run('npm', ['install', '--package-lock-only', '--no-audit'], {
        cwd: app,
        env,
      });
      assert.equal(locked.code, 0, locked.output);
      const lockfile = join(app, 'package-lock.json');
      const { packages } = JSON.parse(await readFile(lockfile, 'utf8')) as { packages: object };
      assert.ok(Object.keys(packages).length > 100, String(Object.keys(packages).length));
      const data = await carried('node', [lockfile, join(site, 'package.json')]);
      const { code, output } = await isolated(
        `cd '${app}'; ${xIn(data)('run -- npm ci')}
echo 'export default 1' > in.js; npx --offline esbuild in.js --bundle --outfile=out.js
npx --offline biome --version
npx --offline eslint --version
node -e 'require("express")(); console.log("express", require("express/package.json").version)'
cd '${site}'; ${xIn(data)('run -- npm install')}
npx --offline vite --version`,
        folder,
      );
      assert.equal(code, 0, output);
      assert.match(output, /out\.js/);
      assert.match(output, /Version: 1\./);
      assert.match(output, /express 5\./);
      assert.match(output, /vite\/6\./);
    });

    test('apt: nginx, jq and git, in a throw-away root', async (t) => {
      if (skips(t, 'debian', 'apt-get')) return;
      const names = ['nginx-light', 'jq', 'git'];
      const file = join(folder, 'tools.apt');
      await writeFile(file, `${names.join('\n')}\n`);
      const data = await carried('tools', [file]);
      const script = inThrowAwayRoot(
        join(folder, 'scratch'),
        [folder],
        `printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
apt-get purge -y -qq jq nginx-light > /dev/null 2>&1 || true
${xIn(data)('run -- apt-get update')}
${xIn(data)(`run -- apt-get install -y -q --no-remove ${names.join(' ')}`)}
dpkg -s ${names.join(' ')} | grep ^Status
echo '{"a": 42}' | jq .a
/usr/sbin/nginx -v; git --version`,
      );
      const { code, output } = await isolated(script, folder);
      assert.equal(code, 0, output);
      assert.equal(output.match(/^Status: install ok installed$/gm)?.length, names.length, output);
      assert.match(output, /^42$/m);
      assert.match(output, /nginx version/);
    });
  },
);

async function writeManifest(project: string, fields: object): Promise<void> {
  await mkdir(project);
  const manifest = { name: basename(project), version: '1.0.0', ...fields };
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
}
