import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { Candidates, type Candidate } from '../../../src/swarm/public/candidates.js';
import { VirtualTime } from '../../simulation/virtual-time.js';

interface Link {
  time: VirtualTime;
  say: (candidate: Omit<Candidate, 'group'> & { group?: string }) => void;
  tried: Map<string, number>;
  mostAtOnce: () => number;
}

/** Tries candidates as `FirstPeers` does; a dial takes as long as the address says, at most its limit. */
function startLink(dialMs: (address: string) => number): Link {
  const time = new VirtualTime();
  const candidates = new Candidates();
  const tried = new Map<string, number>();
  let [dials, most] = [0, 0];
  const proceed = (): void => {
    for (;;) {
      const candidate = candidates.next(time.now);
      if (candidate === undefined) break;
      const { address, way, limitMs } = candidate;
      if (!tried.has(address)) tried.set(address, time.now);
      most = Math.max(most, ++dials);
      time.after(Math.min(limitMs, dialMs(address)), () => {
        dials -= 1;
        candidates.ended(way);
        proceed();
      });
    }
    const atMs = candidates.nextMs();
    if (atMs < Infinity) time.at(atMs, proceed);
  };
  const say: Link['say'] = (candidate) => {
    const group = candidate.group ?? candidate.address.split(':')[0]!;
    if (candidates.add({ ...candidate, group }, time.now)) proceed();
  };
  return { time, say, tried, mostAtOnce: () => most };
}

const SILENT = Infinity;
const HONEST = '10.0.0.7:8471';

/** Each tenth of a second for a minute; the honest one is heard from the fifth second on, each second. */
function flood(link: Link, forge: (i: number) => void, perSecond = 500): number {
  const { time, say, tried } = link;
  let forged = 0;
  for (let ms = 0; ms < 60_000; ms += 100)
    time.at(ms, () => {
      for (let i = 0; i < perSecond / 10; i++) forge(forged++);
      if (ms >= 5_000 && ms % 1_000 === 0)
        say({ address: HONEST, way: 'itself', teller: '10.0.0.7' });
    });
  time.run(60_000, () => tried.has(HONEST));
  return (tried.get(HONEST) ?? Infinity) - 5_000;
}

test('who announces others’ addresses by the thousand holds up nobody who announces its own', (t) => {
  const link = startLink(() => SILENT);
  const delayMs = flood(link, (i) =>
    link.say({
      address: `10.0.${i % 250}.${(i * 7) % 250}:${1_024 + (i % 60_000)}`,
      way: 'another',
      teller: '10.0.0.66',
    }),
  );
  t.diagnostic(`tried after ${delayMs} ms, ${link.tried.size - 1} forged ones by then`);
  assert.ok(delayMs <= 100, String(delayMs));
  assert.ok(link.mostAtOnce() <= BOUNDS.swarmHearsayDials + BOUNDS.swarmLinkDials);
});

test('one machine that answers at all its ports holds up nobody', (t) => {
  const link = startLink(() => 5);
  const delayMs = flood(link, (i) =>
    link.say({ address: `10.0.0.66:${1_024 + i}`, way: 'itself', teller: '10.0.0.66' }),
  );
  t.diagnostic(`tried after ${delayMs} ms, ${link.tried.size - 1} forged ones by then`);
  assert.ok(delayMs <= 1_000, String(delayMs));
});

test('forty machines, or as many forged senders, where nobody answers: a few seconds', (t) => {
  const link = startLink(() => SILENT);
  const delayMs = flood(link, (i) => {
    const ip = `10.0.1.${i % 40}`;
    link.say({ address: `${ip}:${1_024 + (i % 60_000)}`, way: 'itself', teller: ip });
  });
  t.diagnostic(`tried after ${delayMs} ms, ${link.tried.size - 1} forged ones by then`);
  assert.ok(delayMs <= 2 * BOUNDS.swarmLinkDialMs, String(delayMs));
});

test('of a thousand forged senders those that never had a turn do not shut out who has none either', () => {
  const link = startLink(() => 5);
  const delayMs = flood(link, (i) => {
    const ip = `10.1.${i % 4}.${(i >> 2) % 250}`;
    link.say({ address: `${ip}:${1_024 + (i % 60_000)}`, way: 'itself', teller: ip });
  });
  assert.ok(delayMs < Infinity);
});

test('lies in the BitTorrent DHT hold up nobody on the link, and what another says has its turn', () => {
  const link = startLink(() => SILENT);
  const delayMs = flood(link, (i) => {
    const address = `203.0.${i % 256}.${(i >> 8) % 256}:6881`;
    link.say({ address, group: `203.0.${i % 256}.0/24`, way: 'anybody', teller: '' });
    // An honest one names another of its own addresses among a forger's many.
    const teller = i % 100 === 50 ? '10.0.0.8' : '10.0.0.66';
    link.say({ address: `10.0.2.${i % 250}:${2_000 + i}`, way: 'another', teller });
  });
  assert.ok(delayMs <= 100, String(delayMs));
  assert.ok([...link.tried.keys()].some((address) => address.endsWith(':2050')));
});

test('who was tried in vain under its own name is tried again soon, and not at once', () => {
  const link = startLink(() => 5);
  const say = (): void => link.say({ address: HONEST, way: 'itself', teller: '10.0.0.7' });
  const candidates = new Candidates();
  const own: Candidate = { address: HONEST, group: 'a', way: 'itself', teller: 'a' };
  assert.ok(candidates.add(own, 0));
  assert.ok(candidates.next(0));
  candidates.ended('itself');
  assert.equal(candidates.add(own, BOUNDS.swarmLinkCandidatePauseMs - 1), false);
  assert.equal(candidates.add(own, BOUNDS.swarmLinkCandidatePauseMs), true);
  // What somebody else said of it before does not count.
  link.say({ address: HONEST, way: 'another', teller: '10.0.0.66' });
  link.time.run(1_000, () => false);
  say();
  link.time.run(1_100, () => false);
  assert.equal(link.tried.get(HONEST), 0);
});
