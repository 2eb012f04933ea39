import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inThrowAwayRoot, whyNoClient, whyNoNamespace } from '../../fixtures/namespace.js';
import { x } from '../../fixtures/x-process.js';
import {
  besideResident,
  isolated,
  openWorld,
  pullInto,
  signedOf,
  xIn,
  type World,
} from './e2e-world.js';

const noNamespace = whyNoNamespace();
const skipFor = (client: string): string | false => noNamespace ?? whyNoClient(client) ?? false;

describe(
  'pulled from a source, then served without a network',
  { skip: noNamespace ?? false },
  () => {
    let world: World;
    let data: string;
    before(async () => {
      world = await openWorld();
      data = join(world.folder, 'pulled');
      await pullInto(world, data);
    });
    after(() => world.close());

    test('plain pip installs from the resident gateway', { skip: skipFor('python3') }, async () => {
      const { code, output } = await isolated(
        besideResident(
          data,
          `python3 -m pip install --no-cache-dir --index-url "$GATEWAY/pypi/simple" --target plain-pip x_tool 'X.Gamma[all]'
ls plain-pip
python3 -m pip install --index-url "$GATEWAY/pypi/simple" --target plain-pip x-nowhere || echo "pip ended with $?"`,
        ),
        world.folder,
      );
      assert.equal(code, 0, output);
      assert.match(output, /^x_alpha$/m);
      assert.match(output, /^x_delta$/m);
      assert.match(output, /pip ended with 1/);
    });

    test(
      'x run uses the gateway of the resident client',
      { skip: skipFor('python3') },
      async () => {
        const project = join(world.folder, 'resident-run');
        await cp(world.project, project, { recursive: true });
        const { code, output } = await isolated(
          besideResident(
            data,
            `echo "resident at $GATEWAY"
${xIn(data)('run -- python3 -m pip install --target out -r requirements.txt')}
${xIn(data)('run -- python3 -m pip install --target out x-nowhere')} || echo "pip ended with $?"
${xIn(data)('run -- python3 -m pip install --target out x-tool==9')} || echo "pip ended with $?"`,
          ),
          project,
        );
        assert.equal(code, 0, output);
        const gateway = /resident at (\S+)/.exec(output)?.[1] ?? '';
        assert.ok(output.includes(`Looking in indexes: ${gateway}/pypi/simple/`), output);
        assert.match(output, /x: in no bundle on this machine: x-nowhere\n.*\npip ended with 1/);
        // That one is held, in another version: pip says it, and nothing is added.
        assert.match(output, /from versions: 1\.0\)\n.*x-tool==9.*\npip ended with 1/);
      },
    );

    test('plain npm installs from the resident gateway', { skip: skipFor('npm') }, async () => {
      const project = join(world.folder, 'plain-npm');
      await cp(join(world.project, 'app'), project, { recursive: true });
      const { code, output } = await isolated(
        besideResident(
          data,
          `export npm_config_cache="$PWD/.npm" npm_config_update_notifier=false
npm ci --registry "$GATEWAY/npm/" --replace-registry-host always
node -e 'console.log(require("x-fix-diamond"))'
npm install --registry "$GATEWAY/npm/" --replace-registry-host always x-fix-native
npm view --registry "$GATEWAY/npm/" x-fix-leaf versions
npm exec --offline -- x-fix-tool`,
        ),
        project,
      );
      assert.equal(code, 0, output);
      assert.match(output, /x-fix-diamond@1\.0\.0/);
      assert.match(output, /x-fix-tool runs/);
    });

    test(
      'plain apt installs, and sees the next version of the bundle',
      {
        skip: skipFor('apt-get'),
      },
      async () => {
        const next = join(world.folder, 'next');
        await republish(world, next);
        const outcome = join(world.folder, 'outcome');
        await mkdir(outcome);
        const first = `/usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$GATEWAY/debian/field/keyring.gpg" /etc/apt/keyrings/field.gpg
echo "deb [signed-by=/etc/apt/keyrings/field.gpg] $GATEWAY/debian/field fixture main
deb [signed-by=/etc/apt/keyrings/field.gpg] $GATEWAY/debian/field fixture-updates main" > /etc/apt/sources.list
apt-get update
apt-get install -y -q x-hello
cp /usr/share/x-greeting/text '${outcome}/text'
apt-get install -y -q x-printer || echo "apt ended with $?"`;
        const script = inThrowAwayRoot(
          join(world.folder, 'scratch'),
          [world.folder],
          `rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*; mkdir -p /etc/apt/keyrings
${besideResident(data, first, PORT)}
${besideResident(next, `apt-get update; apt-get install -y -q x-printer`, PORT)}
dpkg -s x-printer | grep Status`,
        );
        const { code, output } = await isolated(script, world.folder);
        assert.equal(code, 0, output);
        assert.doesNotMatch(output, /^W:/m);
        assert.equal(await readFile(join(outcome, 'text'), 'utf8'), 'hello from 1:1.3+ds-1\n');
        assert.match(output, /apt ended with 100/);
        assert.match(output, /install ok installed/);
      },
    );
  },
);

/** In the namespace every port is free. */
const PORT = 18470;

/** The world's bundle with one package more, imported into a data folder. */
async function republish(world: World, data: string): Promise<void> {
  const more = join(world.folder, 'more.apt');
  await writeFile(more, 'x-printer\n');
  const stick = join(world.folder, 'next-stick');
  const args = [...world.sourceArgs, '-r', more, '--once', '--export', stick];
  const made = await x(args, { env: world.fixtures.allEnv });
  assert.equal(made.code, 0, made.stdout + made.stderr);
  assert.equal(signedOf(made.stdout)['version'], 2);
  const imported = await x(['import', stick, '--data', data, '--trust', world.did]);
  assert.equal(imported.code, 0, imported.stderr);
}
