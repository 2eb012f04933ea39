import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEFAULTS } from '../../src/config/settings.js';
import { XError } from '../../src/domain/errors.js';
import { makeCertificate } from '../../src/platform/certificate.js';
import { gatewayTls } from '../../src/roles/gateway-tls.js';

const NOW = new Date('2026-06-01T00:00:00Z');

describe('a certificate that was given', () => {
  let folder: string;
  const warnings: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'x-tls-'));
    for (const [name, at] of [
      ['good', NOW],
      ['other', NOW],
      ['old', new Date('2015-01-01T00:00:00Z')],
      ['early', new Date('2027-01-01T00:00:00Z')],
    ] as const) {
      const { key, certificate } = await makeCertificate(['depot.lan'], at);
      await writeFile(join(folder, `${name}.key`), key);
      await writeFile(join(folder, `${name}.crt`), certificate);
    }
  });
  after(() => rm(folder, { recursive: true }));

  const given = async (certificate: string, key: string) => {
    warnings.length = 0;
    return await gatewayTls(
      {
        ...DEFAULTS,
        folder,
        tlsCertificate: join(folder, certificate),
        tlsKey: join(folder, key),
      },
      NOW,
      (message) => warnings.push(message),
    );
  };

  const refusal = async (certificate: string, key: string): Promise<XError> => {
    const error: unknown = await given(certificate, key).then(
      () => assert.fail('taken'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof XError, String(error));
    return error;
  };

  test('is shown as it is', async () => {
    assert.match((await given('good.crt', 'good.key'))?.fingerprint ?? '', /^[0-9A-F:]{95}$/);
    assert.deepEqual(warnings, []);
  });

  test('with the key of another is refused before anything is served', async () => {
    const error = await refusal('good.crt', 'other.key');
    assert.match(error.message, /other\.key is not the key of .*good\.crt$/);
    assert.match(error.hint ?? '', /chain begins with/);
  });

  test('past its end, or before its beginning, is served and said', async () => {
    assert.ok(await given('old.crt', 'old.key'));
    assert.match(warnings.join(), /old\.crt ended 2019-12-31: clients will refuse it/);
    assert.ok(await given('early.crt', 'early.key'));
    assert.match(warnings.join(), /early\.crt begins 2026-12-31, and the clock says 2026-06-01/);
  });

  test('that is none, or not there, is named', async () => {
    assert.match((await refusal('good.key', 'good.crt')).message, /are no certificate and key/);
    const error = await refusal('none.crt', 'good.key');
    assert.equal(error.code, 'INPUT_NOT_FOUND');
    assert.match(error.hint ?? '', /--tls-certificate/);
  });
});
