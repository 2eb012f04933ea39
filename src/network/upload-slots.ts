import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import type { Scores } from './scores.js';

export type UploadEvent =
  /** A node asks for so many bytes. */
  | { type: 'asked'; peer: Did; group: string; id: number; bytes: number }
  /** Some of the answer has left, or waits for nothing but this machine's own limit. */
  | { type: 'moved'; peer: Did; id: number }
  /** The answer has left, or will not. */
  | { type: 'sent'; peer: Did; id: number }
  | { type: 'withdrawn'; peer: Did; id: number }
  | { type: 'left'; peer: Did };

export type UploadAction =
  | { type: 'send'; peer: Did; id: number }
  /** Under way, and not moving while others wait: it ends. */
  | { type: 'drop'; peer: Did; id: number }
  /** `busy`: it may ask elsewhere, or again. `abusive`: more open requests than anybody needs. */
  | { type: 'refuse'; peer: Did; id: number; reason: 'busy' | 'abusive' };

interface Asked {
  id: number;
  bytes: number;
}

interface Asker {
  peer: Did;
  group: string;
  queue: Asked[];
  /** Answers under way: when each moved last. */
  sending: Map<number, number>;
  /** What it got, for its weight: who has the least is next. */
  turn: number;
  /** In bytes; only of those who gave nothing. */
  taken: number;
}

/** Answers that are being sent, and how many of them move. */
interface UnderWay {
  all: number;
  moving: number;
  /** The one that moved longest ago, of those that do not. */
  stillest: { asker: Asker; id: number } | undefined;
}

/** What the newcomers of one network took together, as of a time. */
interface Taken {
  bytes: number;
  atMs: number;
}

/**
 * Whose request is answered next where not all can be at once. Who has given gets by weight; those who
 * have given nothing share a fixed part, and there the network that took least of late is next, and in
 * it the node that took least: so a newcomer is served soon, one who only takes comes later and later,
 * and a hundred names at one address are one. An answer whose reader takes none of it for a while keeps no
 * slot from others: readers of many networks that drip would hold them all. No I/O, no clock.
 */
export class UploadSlots {
  readonly #scores: Scores;
  readonly #slots: number;
  readonly #askers = new Map<Did, Asker>();
  readonly #taken = new Map<string, Taken>();
  /** Of both classes: bytes sent for their share. */
  #giversTurn = 0;
  #newcomersTurn = 0;
  #queued = 0;
  #atMs = 0;

  /** @param slots answers under way at once, those aside that do not move. */
  constructor(scores: Scores, slots: number = BOUNDS.uploadSlots) {
    this.#scores = scores;
    this.#slots = slots;
  }

  get queued(): number {
    return this.#queued;
  }

  /** 0 idle to 1 full. */
  get load(): number {
    return Math.min(1, (this.#underWay(this.#atMs).moving + this.#queued) / this.#slots);
  }

  /** @param now milliseconds since 1970 of a clock that never goes back. */
  handle(event: UploadEvent, now: number): UploadAction[] {
    const actions: UploadAction[] = [];
    const asker = this.#askers.get(event.peer);
    if (event.type === 'asked') this.#asked(event, now, actions);
    else if (event.type === 'moved') this.#moved(event.peer, event.id, now);
    else if (event.type === 'sent') this.#ended(asker, event.id);
    else if (event.type === 'withdrawn' && asker !== undefined) {
      const at = asker.queue.findIndex(({ id }) => id === event.id);
      if (at >= 0) {
        asker.queue.splice(at, 1);
        this.#queued -= 1;
      }
    } else if (event.type === 'left' && asker !== undefined) {
      this.#queued -= asker.queue.length;
      asker.queue = [];
      for (const id of [...asker.sending.keys()]) this.#ended(asker, id);
    }
    if (asker !== undefined) this.#forgetIdle(asker);
    this.#serve(now, actions);
    return actions;
  }

  /**
   * What has become due by itself, to be asked for while any wait.
   * @param moved Answers of which some has left since the last time, though no part of them has.
   */
  look(now: number, moved: Iterable<{ peer: Did; id: number }> = []): UploadAction[] {
    for (const { peer, id } of moved) this.#moved(peer, id, now);
    const actions: UploadAction[] = [];
    this.#serve(now, actions);
    return actions;
  }

  #asked(
    { peer, group, id, bytes }: Extract<UploadEvent, { type: 'asked' }>,
    now: number,
    actions: UploadAction[],
  ): void {
    let asker = this.#askers.get(peer);
    if (asker !== undefined && asker.queue.length >= BOUNDS.uploadRequestsOfPeer) {
      actions.push({ type: 'refuse', peer, id, reason: 'abusive' });
      return;
    }
    if (this.#scores.isShunned(peer, now) || !this.#makeRoom(peer, now, actions)) {
      actions.push({ type: 'refuse', peer, id, reason: 'busy' });
      return;
    }
    if (asker === undefined) {
      // It begins where the others stand: having been away is no credit.
      const turns = [...this.#askers.values()].map(({ turn }) => turn);
      const turn = turns.length === 0 ? 0 : Math.min(...turns);
      asker = { peer, group, queue: [], sending: new Map(), turn, taken: 0 };
      this.#askers.set(peer, asker);
    }
    asker.queue.push({ id, bytes });
    this.#queued += 1;
  }

  /** A giver that comes to a full house takes the place of the newest request of the newcomers' largest crowd. */
  #makeRoom(peer: Did, now: number, actions: UploadAction[]): boolean {
    if (this.#queued < BOUNDS.uploadRequests) return true;
    if (this.#scores.uploadWeight(peer, now) === 0) return false;
    const crowds = new Map<string, Asker[]>();
    for (const asker of this.#waiting()) {
      if (this.#scores.uploadWeight(asker.peer, now) > 0) continue;
      crowds.set(asker.group, [...(crowds.get(asker.group) ?? []), asker]);
    }
    const lengthOf = (askers: readonly Asker[]): number =>
      askers.reduce((sum, { queue }) => sum + queue.length, 0);
    const [largest] = [...crowds.values()].sort((a, b) => lengthOf(b) - lengthOf(a));
    const [longest] = (largest ?? []).sort((a, b) => b.queue.length - a.queue.length);
    const dropped = longest?.queue.pop();
    if (longest === undefined || dropped === undefined) return false;
    this.#queued -= 1;
    actions.push({ type: 'refuse', peer: longest.peer, id: dropped.id, reason: 'busy' });
    this.#forgetIdle(longest);
    return true;
  }

  #moved(peer: Did, id: number, now: number): void {
    const sending = this.#askers.get(peer)?.sending;
    if (sending?.has(id) === true) sending.set(id, now);
  }

  #ended(asker: Asker | undefined, id: number): void {
    asker?.sending.delete(id);
  }

  #underWay(now: number): UnderWay {
    const found: UnderWay = { all: 0, moving: 0, stillest: undefined };
    let stillestMs = Infinity;
    for (const asker of this.#askers.values())
      for (const [id, movedMs] of asker.sending) {
        found.all += 1;
        if (movedMs > now - POLICY.heldPlaceMs) found.moving += 1;
        else if (movedMs < stillestMs) {
          stillestMs = movedMs;
          found.stillest = { asker, id };
        }
      }
    return found;
  }

  /** Where too many stand still, the one that moved longest ago ends for the next. */
  #dropStillest({ all, stillest }: UnderWay): UploadAction[] {
    if (all < this.#slots * (1 + BOUNDS.uploadHeldOfSlot) || stillest === undefined) return [];
    const { asker, id } = stillest;
    this.#ended(asker, id);
    this.#forgetIdle(asker);
    return [{ type: 'drop', peer: asker.peer, id }];
  }

  #serve(now: number, actions: UploadAction[]): void {
    this.#atMs = now;
    while (this.#queued > 0) {
      const underWay = this.#underWay(now);
      if (underWay.moving >= this.#slots) return;
      const next = this.#next(now);
      const asked = next?.asker.queue.shift();
      if (next === undefined || asked === undefined) return;
      const { asker, weight } = next;
      const cost = asked.bytes + POLICY.turnBytes;
      asker.sending.set(asked.id, now);
      // Later than that: it may be the same asker's, who is not to be forgotten.
      actions.push(...this.#dropStillest(underWay));
      this.#queued -= 1;
      if (weight > 0) {
        asker.turn += cost / weight;
        this.#giversTurn += cost / (1 - POLICY.newcomersShare);
      } else {
        asker.taken += cost;
        this.#take(asker.group, cost, now);
        this.#newcomersTurn += cost / POLICY.newcomersShare;
      }
      actions.push({ type: 'send', peer: asker.peer, id: asked.id });
    }
  }

  #next(now: number): { asker: Asker; weight: number } | undefined {
    const givers: { asker: Asker; weight: number }[] = [];
    const newcomers: Asker[] = [];
    const ofGroup = new Map<string, number>();
    for (const { group, sending } of this.#askers.values())
      ofGroup.set(group, (ofGroup.get(group) ?? 0) + sending.size);
    // Whoever reads slowly holds its places, so nobody has more than a part of them.
    const placesOfOne = Math.ceil(this.#slots / 4);
    for (const asker of this.#waiting()) {
      const weight = this.#scores.uploadWeight(asker.peer, now);
      if (weight > 0) {
        if (asker.sending.size < 2 * placesOfOne) givers.push({ asker, weight });
      } else if ((ofGroup.get(asker.group) ?? 0) < placesOfOne) newcomers.push(asker);
    }
    // A class in which nobody waits saves nothing up.
    if (givers.length === 0) this.#giversTurn = Math.max(this.#giversTurn, this.#newcomersTurn);
    if (newcomers.length === 0)
      this.#newcomersTurn = Math.max(this.#giversTurn, this.#newcomersTurn);
    const isNewcomersTurn =
      newcomers.length > 0 && (givers.length === 0 || this.#newcomersTurn < this.#giversTurn);
    if (isNewcomersTurn) return { asker: this.#leastTaken(newcomers, now), weight: 0 };
    return givers.sort((a, b) => a.asker.turn - b.asker.turn)[0];
  }

  #leastTaken(newcomers: readonly Asker[], now: number): Asker {
    const [first, ...others] = newcomers as [Asker, ...Asker[]];
    const standing = (asker: Asker): [number, number] => [
      this.#takenOf(asker.group, now),
      asker.taken,
    ];
    return others.reduce((least, asker) => {
      const [a, b] = [standing(asker), standing(least)];
      return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]) ? asker : least;
    }, first);
  }

  #takenOf(group: string, now: number): number {
    const taken = this.#taken.get(group);
    if (taken === undefined) return 0;
    return taken.bytes * 0.5 ** (Math.max(0, now - taken.atMs) / POLICY.bytesHalfLifeMs);
  }

  #take(group: string, bytes: number, now: number): void {
    const taken = { bytes: this.#takenOf(group, now) + bytes, atMs: now };
    this.#taken.set(group, taken);
    if (this.#taken.size <= BOUNDS.uploadRequests) return;
    // Whoever took least loses the least by being forgotten.
    const [least] = [...this.#taken].sort(([, a], [, b]) => a.bytes - b.bytes);
    if (least !== undefined) this.#taken.delete(least[0]);
  }

  *#waiting(): Generator<Asker> {
    for (const asker of this.#askers.values()) if (asker.queue.length > 0) yield asker;
  }

  #forgetIdle(asker: Asker): void {
    if (asker.queue.length === 0 && asker.sending.size === 0) this.#askers.delete(asker.peer);
  }
}
