import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  inThrowAwayRoot,
  whyNoClient,
  whyNoNamespace,
  withoutNetwork,
} from '../../fixtures/namespace.js';
import { buildDebianFixture } from '../../fixtures/upstream/debian.js';
import { startFixtureUpstream } from '../../fixtures/upstream/server.js';
import { XProcess } from '../../fixtures/x-process.js';

const RUN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const GATEWAY = fileURLToPath(new URL('./gateway-child.js', import.meta.url));
const PORT = 8471;
const skip = whyNoNamespace() ?? whyNoClient('apt-get') ?? whyNoClient('curl');

test(
  'x use apt: apt updates and installs from the gateway; undone, /etc/apt is as it was',
  { skip },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'x-use-apt-'));
    const fixture = await buildDebianFixture();
    const server = await startFixtureUpstream({ debian: fixture });
    try {
      const [list, data, keyring] = ['demo.apt', 'data', 'archive.gpg'].map((name) =>
        join(folder, name),
      ) as [string, string, string];
      await writeFile(list, 'x-hello\n');
      await writeFile(keyring, fixture.keyring);
      const source = await new XProcess([
      'source', '-r', list, '--data', data, '--once', '--debian-base', 'none',
      '--debian-mirror', server.debianMirror, '--debian-suite', fixture.suites.join(','),
      '--debian-keyring', keyring, '--target', 'linux/amd64/glibc2.36',
    ]).exited; // prettier-ignore
      assert.equal(source.code, 0, source.stderr);
      const scratch = await mkdtemp(join(tmpdir(), 'x-root-'));
      try {
        const inner = inThrowAwayRoot(scratch, [], script(data));
        const { code, output } = await withoutNetwork(inner, { deadlineMs: 200_000 });
        assert.equal(code, 0, output.slice(-4_000));
        assert.match(
          output,
          /^Types: deb\nURIs: .*\nSuites: fixture\n[^]*^Signed-By: .*x-demo\.asc\nCheck-Valid-Until: no\nCheck-Date: no$/m,
        );
        assert.match(output, /^ii {2}x-hello /m);
        assert.match(output, /^the same$/m);
        assert.match(output, /^undone twice: 2$/m);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    } finally {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);

/** The sources of this machine cannot be reached there, so apt reads those of x alone. */
function script(data: string): string {
  const x = `"${process.execPath}" "${RUN}"`;
  return `
snapshot() { (find /etc/apt -printf "%p %m %y %u %l\\n"; find /etc/apt -type f -exec sha256sum {} +) | sort; }
apt() { LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/x.sources -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root -o Acquire::http::Proxy=DIRECT "$@"; }
snapshot > /tmp/before
"${process.execPath}" "${GATEWAY}" "${data}" ${PORT} & gateway=$!
trap "kill $gateway" EXIT
i=0; while ! curl -sfo /dev/null http://127.0.0.1:${PORT}/debian/demo/keyring.gpg; do i=$((i+1)); [ $i -lt 300 ]; sleep 0.1; done
${x} use apt --data "${data}" --port ${PORT}
cat /etc/apt/sources.list.d/x.sources
apt update -qq
apt install -y x-hello
dpkg -l x-hello
${x} use apt --data "${data}" --port ${PORT}
${x} use apt --undo --data "${data}"
snapshot > /tmp/after
diff /tmp/before /tmp/after && echo the same
${x} use apt --undo --data "${data}" || echo "undone twice: $?"
`;
}
