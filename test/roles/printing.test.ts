import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { PeerStatus } from '../../src/ports/swarm.js';
import { hasColours } from '../../src/roles/colour.js';
import { ClientsView } from '../../src/roles/clients-view.js';
import { PullProgress } from '../../src/roles/pull-progress.js';
import {
  createPrinter,
  formatBytes,
  formatPeerAddress,
  formatSeconds,
  table,
} from '../../src/roles/printer.js';
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

test('a wide terminal shows a bar too, in no colour', () => {
  const { stderr, printer: print } = printer({ tty: true });
  stderr.columns = 120;
  print.report(halfway);
  assert.equal(
    stderr.text,
    `[${'='.repeat(15)}${' '.repeat(15)}] 50% of 100 B, 10 B/s, 5 s left, 20 B from master, 30 B from siblings`,
  );
});

test('on 80 columns the figures fit, with a bar as long as there is room', () => {
  const { stderr, printer: print } = printer({ tty: true });
  stderr.columns = 80;
  print.report({ ...halfway, bytes: 5_500_000, total: 12e6, fromMaster: 2.5e6, fromSiblings: 3e6 });
  assert.equal(
    stderr.text,
    `[====${' '.repeat(6)}] 45% of 12.0 MB, 10 B/s, 5 s left, master 2.5 MB, siblings 3.0 MB`,
  );
});

test('of what comes in a burst the first is shown at once, and the last when it is due or all ends', async () => {
  const { stdout, printer: print } = printer({ json: true });
  const shown = (): unknown[] =>
    stdout.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .map(({ event, files }) => [event, files]);
  print.live({ event: 'nodes', files: 0 }, ['']);
  for (const files of [1, 2, 3]) print.live({ event: 'passed', files }, ['']);
  assert.deepEqual(shown(), [['nodes', 0]]);
  const deadline = performance.now() + 10_000;
  while (shown().length < 2 && performance.now() < deadline) await setTimeout(20);
  print.live({ event: 'passed', files: 4 }, ['']);
  print.done();
  assert.deepEqual(shown(), [
    ['nodes', 0],
    ['passed', 3],
    ['passed', 4],
  ]);
});

test('in a log how things stand comes again where it changed, and not for as long as it is the same', () => {
  const { stderr, printer: print } = printer({});
  for (const words of ['1 node', '1 node', '2 nodes', '1 node', '1 node'])
    print.live({ event: 'nodes' }, [words], true);
  print.live({ event: 'passed' }, ['a file'], true);
  print.live({ event: 'nodes' }, ['1 node'], true);
  assert.equal(stderr.text, '1 node\n2 nodes\n1 node\na file\n');
});

test('a watched table stands in place on a terminal, and elsewhere comes whole where it changed', () => {
  const terminal = printer({ tty: true });
  terminal.printer.screen({ event: 'held' }, ['one', 'two']);
  terminal.printer.screen({ event: 'held' }, ['ONE', 'TWO']);
  assert.equal(terminal.stderr.text, 'one\ntwo\r\u001b[1A\u001b[JONE\nTWO');
  const plain = printer({});
  plain.printer.screen({ event: 'held' }, ['one', 'two']);
  plain.printer.screen({ event: 'held' }, ['one', 'two']);
  assert.equal(plain.stdout.text, 'one\ntwo\n');
  const json = printer({ json: true });
  json.printer.screen({ event: 'held', bundles: [] }, ['one']);
  assert.match(json.stdout.text, /^\{"at":"[^"]+","event":"held","bundles":\[\]\}\n$/);
});

test('colours are for terminals, unless NO_COLOR is there and not empty', () => {
  const terminal = { isTTY: true };
  assert.equal(hasColours(terminal, {}), true);
  assert.equal(hasColours(terminal, { NO_COLOR: '' }), true);
  assert.equal(hasColours(terminal, { NO_COLOR: '0' }), false);
  assert.equal(hasColours(terminal, { TERM: 'dumb' }), false);
  assert.equal(hasColours({}, {}), false);
  const on = printer({ tty: true });
  on.printer.report({ event: 'warning', message: 'a \u001b[31m of theirs' });
  assert.equal(on.stderr.text, '\u001b[33mwarning:\u001b[39m a \\x1b[31m of theirs\n');
  on.stdout.isTTY = true;
  on.printer.document({}, [{ text: 'ok  disk', colour: 'green', length: 2 }, 'plain']);
  assert.equal(on.stdout.text, '\u001b[32mok\u001b[39m  disk\nplain\n');
});

test('peers are named as people write addresses', () => {
  assert.deepEqual(
    ['/ip4/10.0.0.5/tcp/8471/p2p/12D3', '/ip6zone/eth0/ip6/fe80::1/tcp/1', '/dns4/a/tcp/1'].map(
      formatPeerAddress,
    ),
    ['10.0.0.5:8471', '[fe80::1%eth0]:1', '/dns4/a/tcp/1'],
  );
});

test('live lines replace each other on a terminal, and elsewhere the first is written now and then', () => {
  const terminal = printer({ tty: true });
  terminal.printer.live({ event: 'clients' }, ['one', 'two', 'three']);
  terminal.printer.live({ event: 'clients' }, ['ONE'], true);
  terminal.printer.line('over');
  assert.equal(terminal.stderr.text, 'one\ntwo\nthree\r\u001b[2A\u001b[JONE\r\u001b[K');
  const plain = printer({});
  plain.printer.live({ event: 'clients' }, ['one', 'two']);
  plain.printer.live({ event: 'clients' }, ['ONE']);
  plain.printer.live({ event: 'clients' }, ['last'], true);
  assert.equal(plain.stderr.text, 'one\nlast\n');
  const json = printer({ json: true });
  json.printer.live({ event: 'clients', copies: 1 }, ['one']);
  assert.match(json.stdout.text, /^\{"at":"[^"]+","event":"clients","copies":1\}\n$/);
});

function client(did: string, piecesHeld: number, bytesOut: number): PeerStatus {
  return { did, address: '/ip4/10.0.0.7/tcp/9', isMaster: false, bytesIn: 0, bytesOut, piecesHeld };
}

test('a source shows who has how much, and how many copies left it', () => {
  const view = new ClientsView();
  const serve = (...peers: PeerStatus[]): boolean =>
    view.see([{ name: 'tools', bytes: 1_000, pieces: 4, peers }]);
  assert.ok(!serve());
  assert.ok(serve(client('did:key:zAAAAAA', 4, 700), client('did:key:zBBBBBB', 1, 300)));
  assert.deepEqual(view.lines(), [
    '2 clients here, 1 complete; 1.00 copies left this source (1.0 kB)',
    `  10.0.0.7:9 …BBBBBB  [=====${' '.repeat(15)}]  25%`,
    `  10.0.0.7:9 …AAAAAA  [${'='.repeat(20)}]  100%`,
  ]);
  assert.ok(!serve(client('did:key:zAAAAAA', 4, 700), client('did:key:zBBBBBB', 1, 300)));
  // One leaves, and another begins anew: what they were sent was sent.
  assert.ok(serve(client('did:key:zBBBBBB', 0, 100)));
  assert.equal(view.bytesSent, 1_100);
  assert.deepEqual(view.event(), {
    event: 'clients',
    bytesSent: 1_100,
    copies: 1.1,
    clients: [{ bundle: 'tools', did: 'did:key:zBBBBBB', address: '/ip4/10.0.0.7/tcp/9', part: 0 }],
  });
  serve(...Array.from({ length: 30 }, (_, i) => client(`did:key:z${i}`, 4, 0)));
  assert.equal(view.lines().length, 14);
  assert.equal(view.lines().at(-1), '  and 18 more');
});

test('speed and time left are those of the last seconds', () => {
  let nowMs = 0;
  const told: number[] = [];
  const clock = {
    now: () => new Date(0),
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
  };
  const progress = new PullProgress(clock, (event) => {
    if (event.event === 'progress') told.push(event.bytesPerSecond);
  });
  progress.add('a', 100_000, 0);
  for (const [atMs, bytes] of [
    [1_000, 10_000],
    [2_000, 20_000],
    [60_000, 20_000],
    [61_000, 21_000],
    [62_000, 22_000],
  ] as const) {
    nowMs = atMs;
    progress.held('a', { bytes, fromMaster: bytes, fromSiblings: 0 });
  }
  assert.equal(told[2], 10_000);
  nowMs = 66_000;
  progress.held('a', { bytes: 26_000, fromMaster: 26_000, fromSiblings: 0 });
  assert.equal(told.at(-1), 1_000);
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

test('a table that is too wide for the terminal goes on below, and loses nothing', () => {
  const rows = [
    ['name', 'version', 'size', ''],
    ['charset-normalizer', '3.5.2', '270 kB', ''],
    ['six', '1.17.0', '11.1 kB', 'not here yet'],
  ];
  assert.deepEqual(table(rows, 30), [
    'name                version',
    '  size',
    'charset-normalizer  3.5.2',
    '  270 kB',
    'six                 1.17.0',
    '  11.1 kB  not here yet',
  ]);
  for (const room of [1, 10, 20, 40, 60]) {
    const shown = table(rows, room);
    for (const cell of rows.flat()) assert.ok(shown.join('\n').includes(cell), `${room}: ${cell}`);
    if (room >= 20) assert.ok(Math.max(...shown.map((line) => line.length)) <= room, String(room));
  }
  assert.deepEqual(table(rows, 0), table(rows, 1_000));
});
