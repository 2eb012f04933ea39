import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { whyNoClient, whyNoNamespace, withoutNetwork } from '../../fixtures/namespace.js';

const CHILD = fileURLToPath(new URL('./passing-child.js', import.meta.url));
const noNamespace = whyNoNamespace();
const skipFor = (client: string): string | false => noNamespace ?? whyNoClient(client) ?? false;

/**
 * Runs a script on a host that has nothing but loopback, the made-up upstreams, and an x gateway before
 * them. `spoil` writes a fault to the upstreams.
 */
async function beside(folder: string, script: string): Promise<{ code: number; output: string }> {
  return withoutNetwork(
    `cd '${folder}'
mkfifo faults
'${process.execPath}' '${CHILD}' '${folder}' < faults > child.log 2>&1 &
child=$!
exec 9> faults
trap 'kill $child; wait $child || true; cat child.log' EXIT
for turn in $(seq 300); do [ -f ready.json ] && break; sleep 0.1; done
GATEWAY=http://127.0.0.1:8470
spoil() { echo "$1" >&9; sleep 0.3; }
${script}`,
    {
      deadlineMs: 120_000,
      env: { PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: '', PIP_NO_CACHE_DIR: '1' },
    },
  );
}

describe('plain clients that only changed their source', { skip: noNamespace ?? false }, () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'x-passing-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const scratch = (): Promise<string> => mkdtemp(join(folder, 'run-'));

  test(
    'pip installs through the gateway, and not what is damaged',
    { skip: skipFor('python3') },
    async () => {
      const { code, output } = await beside(
        await scratch(),
        `pip="python3 -m pip install --index-url $GATEWAY/pypi/simple/"
$pip --target good x-tool
ls good
spoil '{"path": "x_large.*whl$", "damage": true}'
$pip --target bad x-large || echo "damaged: pip ended with $?"
ls bad 2>/dev/null | grep x_large || echo "nothing of it is there"`,
      );
      assert.equal(code, 0, output);
      assert.match(output, /^x_alpha$/m);
      assert.match(output, /damaged: pip ended with 1/);
      assert.match(output, /nothing of it is there/);
    },
  );

  test(
    'npm installs through the gateway, and goes on when the registry is gone',
    { skip: skipFor('npm') },
    async () => {
      const { code, output } = await beside(
        await scratch(),
        `npm="npm install --registry $GATEWAY/npm/ --no-fund --no-audit --fetch-retries 0"
mkdir one two three
echo '{"name":"one","version":"1.0.0"}' > one/package.json
cp one/package.json two/package.json; cp one/package.json three/package.json
(cd one && $npm --cache "$PWD/cache" x-fix-diamond && ls node_modules)
spoil '{"path": ".", "status": 503}'
(cd two && $npm --cache "$PWD/cache" x-fix-diamond 2>&1 && ls node_modules)
(cd three && $npm --cache "$PWD/cache" x-fix-large 2>&1) || echo "never seen: npm ended with $?"`,
      );
      assert.equal(code, 0, output);
      assert.equal(output.match(/^x-fix-base$/gm)?.length, 2, output);
      assert.match(output, /the official source: .*503[^]*never seen: npm ended with 1/);
    },
  );

  test(
    'apt updates and downloads through the gateway, its own keyring in charge',
    { skip: skipFor('apt-get') },
    async () => {
      const { code, output } = await beside(
        await scratch(),
        `mkdir -p apt/etc apt/parts apt/lists/partial apt/cache/archives/partial
keyring=$(sed 's/.*"keyring":"//; s/".*//' ready.json)
echo "deb [signed-by=$keyring] $GATEWAY/debian/debian fixture main" > apt/etc/sources.list
cat > apt/apt.conf <<END
Dir::Etc::sourcelist "$PWD/apt/etc/sources.list";
Dir::Etc::sourceparts "$PWD/apt/parts";
Dir::State::lists "$PWD/apt/lists";
Dir::Cache "$PWD/apt/cache";
APT::Sandbox::User "root";
Acquire::Retries "0";
END
export APT_CONFIG="$PWD/apt/apt.conf"
apt-get update
apt-get download x-hello
ls ./*.deb
spoil '{"path": "x-large.*deb$", "damage": true}'
apt-get download x-large || echo "damaged: apt ended with $?"
[ "$(stat -c %s ./x-large*)" -lt 500000 ] && echo "never whole"`,
      );
      assert.equal(code, 0, output);
      assert.match(output, /\.\/x-hello_2\.10-3_amd64\.deb/);
      assert.match(output, /damaged: apt ended with 100/);
      assert.match(output, /never whole/);
    },
  );
});
