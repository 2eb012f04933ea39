import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Digests } from '../../../src/domain/digest.js';
import { ArtifactClient } from '../../../src/swarm/public/artifact-client.js';
import { noise } from '../nodes.js';
import { contactOf } from './attacks.js';
import { NETWORK, startHolder, type Holder } from './artifact-kit.js';
import { LoopbackHost } from './loopback-host.js';

const NEWCOMERS = 3;
const LENGTH = 200_000;
/** What each asker keeps open, so that it always waits for its turn. */
const OPEN = 4;
/** Answers that each newcomer is to get. */
const ANSWERS = 40;
const CROWD_PLACE = 45_000;

/** Somebody who asks for the same again and again, over a connection of its own. */
class Asker {
  answers = 0;
  readonly #client: ArtifactClient;
  #isOver = false;

  constructor(readonly host: LoopbackHost) {
    const now = (): number => performance.timeOrigin + performance.now();
    this.#client = new ArtifactClient({ host, network: NETWORK, now });
  }

  ask(holder: Holder, digests: Digests, onAnswer: () => void): void {
    const again = (): void => {
      if (this.#isOver) return;
      this.#client.ask(
        contactOf(holder.host),
        { digests, portion: { kind: 'whole' }, root: undefined },
        {
          onHeard: () => undefined,
          onPart: ({ isLast }) => {
            if (!isLast) return;
            this.answers += 1;
            onAnswer();
            again();
          },
          onFailed: () => void (this.#isOver || setTimeout(again, 100)),
        },
      );
    };
    for (let i = 0; i < OPEN; i++) again();
  }

  stop(): void {
    this.#isOver = true;
    this.#client.stop();
  }
}

/**
 * So many names at one address, and three newcomers of other addresses, ask a node with two upload slots
 * without a pause: it is counted what each has when the first newcomer has its forty answers, so that
 * time decides nothing.
 */
export async function crowdUnderCongestion(t: TestContext, names: number): Promise<void> {
  const holder = await startHolder(720, { slots: 2 });
  t.after(() => holder.stop());
  const digests = await holder.hold(noise(LENGTH, 9));
  const start = async (number: number, place?: number): Promise<Asker> => {
    const asker = new Asker(await LoopbackHost.start(number, place));
    t.after(async () => {
      asker.stop();
      await asker.host.stop();
    });
    await asker.host.connect(contactOf(holder.host));
    return asker;
  };
  const crowd: Asker[] = [];
  for (let i = 0; i < names; i++) crowd.push(await start(CROWD_PLACE + i, CROWD_PLACE));
  const newcomers: Asker[] = [];
  for (let i = 0; i < NEWCOMERS; i++) newcomers.push(await start(721 + i));
  const answersOf = (askers: readonly Asker[]): number =>
    askers.reduce((sum, { answers }) => sum + answers, 0);
  const [ofCrowd, others] = await new Promise<[number, number[]]>((resolve) => {
    const look = (): void => {
      const counts = newcomers.map(({ answers }) => answers);
      if (Math.max(...counts) >= ANSWERS) resolve([answersOf(crowd), counts]);
    };
    for (const asker of crowd) asker.ask(holder, digests, look);
    for (const asker of newcomers) asker.ask(holder, digests, look);
  });
  const mib = (answers: number): string => ((answers * LENGTH) / (1 << 20)).toFixed(1);
  const all = ofCrowd + others.reduce((sum, count) => sum + count, 0);
  t.diagnostic(
    `${names} names at one address: ${mib(ofCrowd)} of ${mib(all)} MiB, newcomers ${others.map(mib).join(', ')}`,
  );
  // A slot's answer may be under way to each.
  assert.ok(ofCrowd <= ANSWERS + 4, `${ofCrowd} answers to the crowd`);
  assert.ok(Math.min(...others) >= ANSWERS / 2, `${others.join(', ')} to the newcomers`);
  assert.ok(ofCrowd > 0, 'a newcomer is among them, for all that is known');
}
