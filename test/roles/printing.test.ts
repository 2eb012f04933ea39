import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createPrinter, formatBytes, formatSeconds, table } from '../../src/roles/printer.js';
import { bundleNameOf } from '../../src/roles/input-files.js';
import { parseSize } from '../../src/roles/sizes.js';

class Sink extends Writable {
  text = '';
  isTTY = false;
  columns = 40;
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function printer(options: { json?: boolean; events?: boolean; quiet?: boolean; tty?: boolean }): {
  stdout: Sink;
  stderr: Sink;
  printer: ReturnType<typeof createPrinter>;
} {
  const [stdout, stderr] = [new Sink(), new Sink()];
  stderr.isTTY = options.tty === true;
  return {
    stdout,
    stderr,
    printer: createPrinter({
      json: options.json === true,
      events: options.events !== false,
      quiet: options.quiet === true,
      stdout,
      stderr,
      env: {},
    }),
  };
}

const halfway = {
  event: 'progress',
  bytes: 50,
  total: 100,
  fromMaster: 20,
  fromSiblings: 30,
  bytesPerSecond: 10,
  etaSeconds: 5,
} as const;

test('with --json standard output holds events alone, one a line, and standard error nothing', () => {
  const { stdout, stderr, printer: print } = printer({ json: true, tty: true });
  print.report(halfway);
  print.report({ event: 'warning', message: 'look' });
  print.event({ event: 'signed', bundle: 'b' }, 'signed b');
  const events = stdout.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { at: string; event: string });
  assert.deepEqual(
    events.map(({ event }) => event),
    ['progress', 'warning', 'signed'],
  );
  for (const { at } of events) assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(stderr.text, '');
});

test('a command with one document prints that and nothing else, warnings on standard error', () => {
  const { stdout, stderr, printer: print } = printer({ json: true, events: false });
  print.report(halfway);
  print.report({ event: 'warning', message: 'look' });
  print.document({ a: 1 }, ['a 1']);
  assert.deepEqual(JSON.parse(stdout.text), { a: 1 });
  assert.equal(stderr.text, 'warning: look\n');
});

test('on a terminal progress is one line, cleared before other lines, never wider than the terminal', () => {
  const { stdout, stderr, printer: print } = printer({ tty: true });
  print.report(halfway);
  print.event({ event: 'x' }, 'a line');
  assert.ok(!stderr.text.includes('\n'));
  assert.ok(stderr.text.endsWith('\r\u001b[K'));
  assert.ok(stderr.text.split('\r')[0]!.length < 40);
  assert.equal(stdout.text, 'a line\n');
});

test('--quiet hides progress and steps, not warnings', () => {
  const { stderr, printer: print } = printer({ quiet: true });
  print.report(halfway);
  print.report({ event: 'step', text: 'resolving' });
  print.report({ event: 'warning', message: 'look' });
  assert.equal(stderr.text, 'warning: look\n');
});

test('bytes and seconds as people read them', () => {
  assert.deepEqual([0, 999, 1000, 1_234_567, 99_960_000, 5e12].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.2 MB',
    '100 MB',
    '5.0 TB',
  ]);
  assert.deepEqual([5, 200, 7500].map(formatSeconds), ['5 s', '3 min 20 s', '2 h 5 min']);
});

test('columns line up', () => {
  assert.deepEqual(
    table([
      ['a', 'bb'],
      ['ccc', ''],
    ]),
    ['a    bb', 'ccc'],
  );
});

test('a bundle is named by the stem of its first file', () => {
  assert.deepEqual(
    ['requirements.txt', 'a/b/My Stack.txt', 'package-lock.json', '.apt', 'x.tar.gz', '___'].map(
      bundleNameOf,
    ),
    ['requirements', 'my-stack', 'package-lock', 'apt', 'x.tar', 'bundle'],
  );
});

test('sizes', () => {
  assert.deepEqual(['4GB', '650 MiB', '1.5g', '1000000'].map(parseSize), [
    4e9,
    650 * 2 ** 20,
    1.5e9,
    1e6,
  ]);
  for (const bad of ['', 'big', '-4GB', '0', '4XB', '1e99'])
    assert.throws(() => parseSize(bad), /is not a size/);
});

test('nothing from outside steers the terminal', () => {
  const { stdout, stderr, printer: print } = printer({});
  const hostile = 'yanked\u001b[2J\r\u009b31m\u0000\u202e';
  const shown = 'yanked\\x1b[2J\\x0d\\x9b31m\\x00\\u202e';
  print.report({ event: 'warning', message: `${hostile}\nx: signed` });
  print.report({ event: 'step', text: hostile });
  assert.equal(stderr.text, `warning: ${shown}\n   x: signed\n${shown}\n`);
  print.event({ event: 'x' }, hostile);
  print.line(hostile);
  print.document({}, [hostile]);
  assert.equal(stdout.text, `${shown}\n`.repeat(3));
});
