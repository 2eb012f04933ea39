import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAptCredentials } from '../../src/upstream/debian-credentials.js';

test('logins come from the sources and from auth.conf, each for its own addresses alone', async () => {
  const root = await mkdtemp(join(tmpdir(), 'x-apt-auth-'));
  try {
    await mkdir(join(root, 'etc/apt/auth.conf.d'), { recursive: true });
    await writeFile(
      join(root, 'etc/apt/auth.conf'),
      'machine secure.example/debian login a password b\n',
    );
    await writeFile(
      join(root, 'etc/apt/auth.conf.d/plain.conf'),
      'machine http://plain.example:8080 login c password d\n',
    );
    await writeFile(
      join(root, 'etc/apt/auth.conf.d/plain.conf.bak'),
      'machine http://backup.example login c password d\n',
    );
    const credentials = await readAptCredentials(['https://u:p%40ss@own.example/apt'], root);
    const login = (url: string): string | undefined => {
      const header = credentials.authorizationFor(url);
      return header && Buffer.from(header.replace('Basic ', ''), 'base64').toString();
    };
    assert.equal(login('https://own.example/apt/dists/a/InRelease'), 'u:p@ss');
    assert.equal(login('https://own.example/other'), undefined);
    assert.equal(login('https://secure.example/debian/pool/a.deb'), 'a:b');
    assert.equal(login('https://secure.example/ubuntu/'), undefined);
    assert.equal(login('http://secure.example/debian/'), undefined);
    assert.equal(login('http://plain.example:8080/x'), 'c:d');
    assert.equal(login('http://plain.example/x'), undefined);
    assert.equal(login('https://secure.example.evil/debian/'), undefined);
    assert.equal(login('http://backup.example/'), undefined);
    assert.deepEqual(credentials.warnings, []);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
