import { BOUNDS } from '../domain/bounds.js';

/**
 * What packets were found to say: the same bytes from the same place say the same again, for as long as
 * nothing else has changed that they were judged by. Of many strangers' packets the oldest are forgotten.
 */
export class JudgedPackets<Verdict> {
  readonly #verdicts = new Map<string, { basis: object; verdict: Verdict }>();

  /**
   * @param place Where they came from: link and sender.
   * @param basis What else they are judged by: another object where that has changed.
   */
  of(place: string, bytes: Uint8Array, basis: object, judge: () => Verdict): Verdict {
    if (bytes.length > BOUNDS.judgedPacketBytes) return judge();
    const { buffer, byteOffset, length } = bytes;
    const key = `${place} ${Buffer.from(buffer, byteOffset, length).toString('latin1')}`;
    const known = this.#verdicts.get(key);
    if (known?.basis === basis) return known.verdict;
    const verdict = judge();
    this.#verdicts.delete(key);
    this.#verdicts.set(key, { basis, verdict });
    if (this.#verdicts.size > BOUNDS.judgedPackets)
      for (const oldest of this.#verdicts.keys()) {
        this.#verdicts.delete(oldest);
        break;
      }
    return verdict;
  }

  clear(): void {
    this.#verdicts.clear();
  }
}
