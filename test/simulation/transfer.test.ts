import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lan, MIB, PIECE, seededRandom, type Host, type Outcome } from './lan.js';

/** 100 Mbit/s. */
const FAST = 12_500;
const SOURCE: Host = {
  name: 'source',
  upBytesPerMs: FAST,
  downBytesPerMs: FAST,
  joinsAtMs: 0,
  isSource: true,
};

function clients(count: number, each: (i: number) => Partial<Host> = () => ({})): Host[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `client-${i}`,
    upBytesPerMs: FAST,
    downBytesPerMs: FAST,
    joinsAtMs: 1,
    ...each(i),
  }));
}

function fromSiblings(outcome: Outcome, name: string): number {
  let all = 0;
  let siblings = 0;
  for (const [sender, bytes] of outcome.received.get(name) ?? []) {
    all += bytes;
    if (sender !== 'source') siblings += bytes;
  }
  return siblings / all;
}

function assertAllDone(lan: Lan, outcome: Outcome, seed: number, except: string[] = []): void {
  for (const host of lan.hosts) {
    if (host.isSource === true || host.holdsAll === true || except.includes(host.name)) continue;
    if (host.diesAtMs !== undefined && host.awayMs === undefined) continue;
    assert.ok(
      outcome.doneMs.has(host.name),
      `seed ${seed}: ${host.name} is not whole at ${outcome.endMs} ms`,
    );
  }
}

for (const [count, pieces] of [
  [2, 400],
  [4, 400],
  [7, 400],
] as const) {
  test(`${count} clients on even links: about one copy leaves the source, and all end soon after`, () => {
    for (const seed of [1, 2, 3]) {
      const lan = new Lan([SOURCE, ...clients(count)], [pieces * PIECE], seed);
      const limitMs = (pieces * PIECE) / FAST;
      const outcome = lan.run(60 * limitMs);
      assertAllDone(lan, outcome, seed);
      const copies = (outcome.sentBytes.get('source') ?? 0) / lan.totalBytes;
      const last = Math.max(...outcome.doneMs.values()) / limitMs;
      if (process.env['X_SHOW'] !== undefined) {
        console.log({ count, seed, copies, last });
      }
      assert.ok(copies <= 1.3, `seed ${seed}: ${copies.toFixed(2)} copies left the source`);
      assert.ok(last <= 1.6, `seed ${seed}: the last ended at ${last.toFixed(2)}`);
    }
  });
}

test('two clients started within 1.5 s get at least a quarter from each other, on any link', () => {
  const shapes: [string, number[]][] = [
    ['20 artifacts of 256 KiB', new Array<number>(20).fill(PIECE)],
    ['one artifact of 256 MiB', [256 * MIB]],
    ['3,000 artifacts of 4 KB', new Array<number>(3_000).fill(4_000)],
    ['six small ones', [90_000, 70_000, 300_000, 250_000, 120_000, 200_000]],
  ];
  for (const [shape, lengths] of shapes) {
    for (const rate of [FAST, 10 * FAST, 40 * FAST]) {
      for (const apartMs of [0, 30, 400, 1_300]) {
        const seed = apartMs + rate;
        const hosts = clients(2, (i) => ({
          joinsAtMs: 1 + i * apartMs,
          upBytesPerMs: rate,
          downBytesPerMs: rate,
        }));
        const source = { ...SOURCE, upBytesPerMs: rate, downBytesPerMs: rate };
        const lan = new Lan([source, ...hosts], lengths, seed);
        const outcome = lan.run(600_000);
        assertAllDone(lan, outcome, seed);
        for (const { name } of hosts) {
          const share = fromSiblings(outcome, name);
          assert.ok(
            share >= 0.25,
            `${shape}, ${rate} B/ms, ${apartMs} ms apart: ${name} has ${share.toFixed(2)} from its sibling`,
          );
        }
      }
    }
  }
});

test('a client alone waits for siblings no longer than the rendezvous', () => {
  const lan = new Lan([SOURCE, ...clients(1)], [5 * MIB], 1);
  const outcome = lan.run(60_000);
  assertAllDone(lan, outcome, 1);
  assert.ok((outcome.doneMs.get('client-0') ?? Infinity) < 2_500);
});

test('clients that cannot reach each other are all served by the source', () => {
  const hosts = clients(3, () => ({ isWalledOff: true }));
  const lan = new Lan([SOURCE, ...hosts], [20 * MIB], 5);
  const outcome = lan.run(60_000);
  assertAllDone(lan, outcome, 5);
});

test('whatever the links, the comings and goings: every honest client that stays ends whole', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed * 7919);
    const rate = (): number => [125, 1_250, FAST, FAST, 10 * FAST][random.integer(5)] ?? FAST;
    const hosts = clients(1 + random.integer(9), () => {
      const joinsAtMs = random.integer(4_000);
      const dies = random.integer(4) === 0;
      return {
        joinsAtMs,
        upBytesPerMs: rate(),
        downBytesPerMs: rate(),
        isWalledOff: random.integer(10) === 0,
        ...(dies ? { diesAtMs: joinsAtMs + 1 + random.integer(8_000) } : {}),
        ...(dies && random.integer(2) === 0 ? { awayMs: random.integer(3_000) } : {}),
      };
    });
    const lengths = Array.from({ length: 1 + random.integer(60) }, () =>
      random.integer(3) === 0 ? random.integer(4 * MIB) : random.integer(20_000),
    );
    const lan = new Lan([SOURCE, ...hosts], [...lengths, 1], seed);
    const outcome = lan.run(3_600_000);
    assertAllDone(lan, outcome, seed);
  }
});

test('liars are found out and dropped, silent peers lose their requests, and all others end whole', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seededRandom(seed * 104_729);
    const hosts = clients(3 + random.integer(6), (i) => ({
      joinsAtMs: 1 + random.integer(2_000),
      lies: i === 0,
      isSilent: i === 1,
    }));
    const lan = new Lan([SOURCE, ...hosts], [(8 + random.integer(24)) * MIB], seed);
    const outcome = lan.run(600_000);
    assertAllDone(lan, outcome, seed, []);
    for (const [name, bySender] of outcome.received) {
      assert.equal(bySender.get('client-0') ?? 0, 0, `seed ${seed}: ${name} took from the liar`);
    }
    for (const liar of outcome.liars) assert.equal(liar, 'client-0', `seed ${seed}`);
  }
});

for (const [giver, host] of [
  ['the source', SOURCE],
  ['an honest sibling', { ...SOURCE, name: 'sibling', isSource: false, holdsAll: true }],
] as const) {
  test(`siblings that promise everything, chat and never answer do not keep a client from ${giver}`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const chatting = Array.from({ length: 12 }, (_, i) => ({
        ...SOURCE,
        name: `chatting-${i}`,
        isSource: false,
        isSilent: true,
        holdsAll: true,
        chatsEveryMs: 900,
      }));
      const [client] = clients(1, () => ({ joinsAtMs: 500 }));
      const giving = { ...host, joinsAtMs: 2_000 };
      const lan = new Lan(
        [giving, client!, ...chatting],
        new Array<number>(50).fill(2 * MIB),
        seed,
      );
      const outcome = lan.run(60_000);
      assertAllDone(lan, outcome, seed);
    }
  });
}

test('the source may leave once every piece is out', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const hosts = clients(2 + (seed % 6), (i) => ({ joinsAtMs: 1 + i * 20 }));
    const lan = new Lan([SOURCE, ...hosts], [24 * MIB], seed, { sourceLeavesWhenOut: true });
    const outcome = lan.run(600_000);
    assertAllDone(lan, outcome, seed);
  }
});
