import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inThrowAwayRoot, whyNoClient, whyNoNamespace } from '../../fixtures/namespace.js';
import { x } from '../../fixtures/x-process.js';
import { isolated, openWorld, RUN, signedOf, xIn, type World } from './e2e-world.js';

const noNamespace = whyNoNamespace();
const skipFor = (client: string): string | false => noNamespace ?? whyNoClient(client) ?? false;

let world: World;
let data: string;
/** A data folder on a machine without a network: what its stick held. */
describe('from a stick, without a network', { skip: noNamespace ?? false }, () => {
  before(async () => {
    world = await openWorld();
    data = join(world.folder, 'isolated');
    const { stick, did } = world;
    const script = `${xIn(data)('import')} '${stick}' --trust '${did}'; ${xIn(data)('verify field')}`;
    const { code, output } = await isolated(script, world.folder);
    assert.equal(code, 0, output);
  });
  after(() => world.close());

  test('pip installs from the requirements file', { skip: skipFor('python3') }, async () => {
    const project = join(world.folder, 'pip');
    await cp(world.project, project, { recursive: true });
    const python = `'${project}/venv/bin/python'`;
    const { code, output } = await isolated(
      `python3 -m venv venv
${xIn(data)(`run -- venv/bin/pip install -r requirements.txt`)}
venv/bin/x-fixture-tool
${python} -m pip list --format freeze --disable-pip-version-check
${xIn(data)(`run -- ${python} -m pip install --force-reinstall --no-deps -rhashed.txt`)}
${python} -m pip check`,
      project,
    );
    assert.equal(code, 0, output);
    for (const name of ['x-tool==1.0', 'x.gamma==0.9', 'x-delta==1.0', 'x-large==1.0', 'x-native'])
      assert.match(output, new RegExp(`^${name}`, 'm'));
    assert.match(output, /Successfully installed x-beta-1\.5/);
    assert.match(output, /No broken requirements/);
  });

  test('a requirements file that was changed is used as it is', async (t) => {
    const why = skipFor('python3');
    if (why !== false) return t.skip(why);
    const project = join(world.folder, 'changed');
    await cp(world.project, project, { recursive: true });
    await writeFile(join(project, 'more/nested.txt'), 'x-native==1.0\n');
    const { code, output } = await isolated(
      `python3 -m venv --without-pip venv
${xIn(data)(`run -- python3 -m pip --python venv/bin/python install --retries 0 -r requirements.txt`)}`,
      project,
    );
    assert.notEqual(code, 0, output);
    assert.match(
      output,
      /warning: \S+\/more\/nested\.txt is not what bundle "field" was made from/,
    );
  });

  test('what fails ends with the client’s own code, and says what to ask for', async (t) => {
    const why = skipFor('python3');
    if (why !== false) return t.skip(why);
    const { code, output } = await isolated(
      `set +e
${xIn(data)('run -- python3 -m pip install --target out x-nowhere')}; echo "pip ended with $?"
${xIn(data)('run -- python3 -m pip --no-such-option')}; echo "usage ended with $?"
${xIn(data)('run -- pip-of-nobody install x')}; echo "unknown ended with $?"
${xIn(data)('run -- /nowhere/pip install x')}; echo "missing ended with $?"
${xIn(join(world.folder, 'empty'))('run -- python3 -m pip install x')}; echo "empty ended with $?"
python3 -m venv --without-pip code; ${xIn(data)(`run -- code/bin/python -c 'import sys; sys.exit(37)'`)}; echo "python ended with $?"`,
      world.folder,
    );
    assert.equal(code, 0, output);
    assert.match(output, /No matching distribution found for x-nowhere/);
    assert.match(
      output,
      /x: in no bundle on this machine: x-nowhere\n +To bring what is missing here, .*x source -r FILE\npip ended with 1/,
    );
    assert.match(output, /usage ended with 2/);
    assert.match(output, /x: x run does not know "pip-of-nobody"\n.*\nunknown ended with 2/);
    assert.match(
      output,
      /x: \/nowhere\/pip is not installed here\n(?: .*\n)?missing ended with \d/,
    );
    assert.match(
      output,
      /x: no bundle is held in [^\n]*\n[^\n]*x import PATH[^\n]*\nempty ended with 4/,
    );
    assert.match(output, /python ended with 37/);
  });

  test('a signal reaches the client, and its end is passed on', async (t) => {
    const why = skipFor('python3');
    if (why !== false) return t.skip(why);
    const script = `import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
open(sys.argv[1], 'w').close()
time.sleep(30)`;
    await writeFile(join(world.folder, 'waiting.py'), script);
    const { code, output } = await isolated(
      `set +e
'${process.execPath}' '${RUN}' run --data '${data}' -- python3 waiting.py ready & child=$!
for i in $(seq 200); do test -e ready && break; sleep 0.05; done
kill -TERM $child; wait $child; echo "caught: $?"
'${process.execPath}' '${RUN}' run --data '${data}' -- python3 -c 'import os; os.kill(os.getpid(), 9)'; echo "killed: $?"`,
      world.folder,
    );
    assert.equal(code, 0, output);
    assert.match(output, /caught: 9\n/);
    assert.match(output, /killed: 137\n/);
  });

  test(
    'npm ci installs from the lockfile, and what it installs runs',
    {
      skip: skipFor('npm'),
    },
    async () => {
      const project = join(world.folder, 'npm');
      await cp(join(world.project, 'app'), project, { recursive: true });
      const { code, output } = await isolated(
        `${xIn(data)('run -- npm ci')}
node -e 'console.log(require("x-fix-large"), require("x-fix-diamond"))'
${xIn(data)('run -- npx x-fix-tool')}
git_status=$(sha256sum package-lock.json)
${xIn(data)('run -- npm install x-fix-native')}
ls node_modules/@x-fix
${xIn(data)('run -- npm ls')}
${xIn(data)('run -- npm install x-fix-nowhere')} || echo "npm ended with $?"`,
        project,
      );
      assert.equal(code, 0, output);
      assert.match(output, /large x-fix-diamond@1\.0\.0/);
      assert.match(output, /x-fix-tool runs/);
      assert.match(output, /native-linux-/);
      assert.match(output, /x-fix-nowhere is in no bundle on this machine\. To bring it here/);
      assert.match(output, /npm ended with 1/);
    },
  );

  test(
    'apt-get updates and installs into a throw-away root',
    {
      skip: skipFor('apt-get'),
    },
    async () => {
      const outcome = join(world.folder, 'outcome');
      await mkdir(outcome);
      const script = inThrowAwayRoot(
        join(world.folder, 'scratch'),
        [world.folder],
        `${xIn(data)('run -- apt-get update')}
${xIn(data)('run -- apt-get install -y -q x-hello')}
dpkg -s x-hello | grep Status; cp /usr/share/x-greeting/text '${outcome}/text'
dpkg -V x-hello x-greeting
${xIn(data)('run -- apt-get install -y -q x-missing-package')} || echo "apt ended with $?"`,
      );
      const { code, output } = await isolated(script, world.folder);
      assert.equal(code, 0, output);
      assert.doesNotMatch(output, /^W:/m);
      assert.match(output, /install ok installed/);
      assert.equal(await readFile(join(outcome, 'text'), 'utf8'), 'hello from 1:1.3+ds-1\n');
      assert.match(
        output,
        /x: in no bundle on this machine: x-missing-package\n.*\napt ended with 100/,
      );
    },
  );
});

describe('a source that runs again', () => {
  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());

  test('signs nothing new where nothing changed', async () => {
    const again = await x([...world.sourceArgs, '--once'], { env: world.fixtures.allEnv });
    assert.equal(again.code, 0, again.stdout + again.stderr);
    const { changed, version, fetched } = signedOf(again.stdout);
    assert.deepEqual({ changed, version, fetched }, { changed: false, version: 1, fetched: 0 });
  });

  test('says each warning once', async () => {
    const again = await x([...world.sourceArgs, '--once'], { env: world.fixtures.allEnv });
    assert.equal(again.code, 0, again.stdout + again.stderr);
    const warnings = again.stdout
      .split('\n')
      .filter((line) => line.includes('"event":"warning"'))
      .map((line) => (JSON.parse(line) as { message: string }).message);
    assert.ok(warnings.length > 0, again.stdout);
    assert.deepEqual([...new Set(warnings)], warnings);
  });
});
