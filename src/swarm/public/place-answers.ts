import { BOUNDS } from '../../domain/bounds.js';
import type { Contact, Owner } from '../../network/events.js';
import type { LookupNode, PlaceAnswer } from './lookup.pb.js';

/** What a node says of one place. */
export interface PlaceWord {
  owners: readonly Owner[];
  closer: readonly Contact[];
}

/**
 * What is said of several places, each node named once. Where not all of them fit, every place keeps its
 * first owners, and then its nearest nodes.
 * @param fits whether there is room for one more node.
 */
export function numbered(
  words: readonly PlaceWord[],
  wire: (node: Owner | Contact) => LookupNode,
  fits: (node: LookupNode) => boolean,
): { named: LookupNode[]; more: PlaceAnswer[] } {
  const named: LookupNode[] = [];
  const numbers = new Map<string, number | undefined>();
  const numberOf = (node: Owner | Contact): number | undefined => {
    const isHeavy = 'kind' in node && node.kind === 'heavy';
    const text = [node.did, isHeavy, ...node.addresses].join(' ');
    if (numbers.has(text)) return numbers.get(text);
    const written = wire(node);
    const number =
      named.length < BOUNDS.lookupNamedNodes && fits(written) ? named.length : undefined;
    if (number !== undefined) named.push(written);
    numbers.set(text, number);
    return number;
  };
  const more = words.map((): PlaceAnswer => ({ owners: [], closer: [] }));
  const ranks = [
    ['owners', BOUNDS.lookupAnswerOwners],
    ['closer', BOUNDS.lookupAnswerNodes],
  ] as const;
  for (const [which, limit] of ranks)
    for (let rank = 0; rank < limit; rank++)
      words.forEach((word, i) => {
        const node = word[which][rank];
        const number = node === undefined ? undefined : numberOf(node);
        if (number !== undefined) more[i]?.[which].push(number);
      });
  return { named, more };
}

/**
 * @param contacts those named, in their order; undefined: one that cannot be dialled.
 * @throws Error where a number names nobody.
 */
export function unnumbered(
  contacts: readonly (Contact | undefined)[],
  more: readonly PlaceAnswer[],
): PlaceWord[] {
  const nodes = (numbers: readonly number[]): Contact[] =>
    [...new Set(numbers)].flatMap((number) => {
      if (number >= contacts.length) throw new Error('a node that is not named');
      return contacts[number] ?? [];
    });
  return more.map(({ owners, closer }) => ({
    owners: nodes(owners).map(({ did, addresses, group }) => ({ did, addresses, group })),
    closer: nodes(closer),
  }));
}
