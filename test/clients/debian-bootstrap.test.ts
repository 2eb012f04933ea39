import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { whyNoClient, whyNoNamespace, withoutNetwork } from '../../fixtures/namespace.js';
import { XProcess } from '../../fixtures/x-process.js';
import { whyNoRelease } from './debian-scene.js';

const GATEWAY = fileURLToPath(new URL('./gateway-child.js', import.meta.url));
const RELEASE = 'trixie';
const PORT = 8470;

function whyNoScript(): string | undefined {
  const script = `/usr/share/debootstrap/scripts/${RELEASE}`;
  return existsSync(script) ? undefined : `this debootstrap does not know ${RELEASE}`;
}

const skip =
  whyNoNamespace() ??
  whyNoClient('debootstrap') ??
  whyNoClient('apt-get') ??
  whyNoScript() ??
  (await whyNoRelease(RELEASE));

/** What debootstrap makes a minimal system of, and what is then installed into it. */
const LIST = [
  '?essential',
  '?priority(required)',
  'apt',
  'nginx-light',
  'jq',
  'python3-minimal',
  'git',
];

describe(`a ${RELEASE} made and filled from a gateway, without a network`, { skip }, () => {
  test('debootstrap, then apt 3 installs three lists', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'x-bootstrap-'));
    try {
      const data = join(folder, 'data');
      const file = join(folder, 'machine.apt');
      await writeFile(file, LIST.map((line) => `${line}\n`).join(''));
      const args = `source -r ${file} --data ${data} --once --no-recommends --debian-base none --debian-suite ${RELEASE} --debian-component main --target linux/amd64/glibc2.41,debian=${RELEASE}`;
      const source = await new XProcess(args.split(' ')).exited;
      assert.equal(source.code, 0, source.stderr);
      const { code, output } = await withoutNetwork(script(folder, data), { deadlineMs: 400_000 });
      assert.equal(code, 0, output.slice(-4_000));
      assert.match(output, /Base system installed successfully/);
      assert.match(output, /^apt 3\./m);
      assert.match(output, /^ii {2}nginx-light /m);
      assert.match(output, /^ii {2}jq /m);
      assert.match(output, /^ii {2}git /m);
      assert.match(output, /^\{"from":"jq"\}$/m);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

function script(folder: string, data: string): string {
  const root = join(folder, 'root');
  const base = `http://127.0.0.1:${PORT}/debian/machine`;
  const proofOfOriginal = `${base.replace('/debian/', '/debian-original/')}/dists/${RELEASE}/InRelease`;
  return `
'${process.execPath}' '${GATEWAY}' '${data}' ${PORT} & gateway=$!
trap "kill $gateway" EXIT
i=0; while ! curl -sfo '${folder}/key.gpg' ${base}/keyring.gpg; do i=$((i+1)); [ $i -lt 300 ]; sleep 0.1; done
curl -sf ${proofOfOriginal} | grep -q '^Codename: ${RELEASE}'
debootstrap --variant=minbase --keyring='${folder}/key.gpg' ${RELEASE} '${root}' ${base} || { tail -20 '${root}/debootstrap/debootstrap.log'; exit 1; }
cp '${folder}/key.gpg' '${root}/etc/apt/keyrings/x.gpg'
echo 'deb [signed-by=/etc/apt/keyrings/x.gpg check-valid-until=no check-date=no] ${base} ${RELEASE} main' > '${root}/etc/apt/sources.list'
printf '#!/bin/sh\\nexit 101\\n' > '${root}/usr/sbin/policy-rc.d'; chmod 755 '${root}/usr/sbin/policy-rc.d'
mount -t proc proc '${root}/proc'
inside() { LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot '${root}' "$@"; }
inside apt-get --version
inside apt-get update
inside apt-get install -y --no-install-recommends nginx-light
inside apt-get install -y --no-install-recommends jq python3-minimal
inside apt install -y --no-install-recommends git
inside dpkg -l nginx-light jq git
echo '{"from":"jq"}' | inside jq -c .
`;
}
