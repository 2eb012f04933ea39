import type { Did } from './bundle.js';
import { XError } from './errors.js';

/** A source's signed word that one machine may have bundles of it. */
export interface Membership {
  member: Did;
  source: Did;
  /** Names of bundles, or `*` alone: all of the source, those to come as well. */
  bundles: string[];
  /** ISO 8601, whole seconds: from then on it counts for nothing. */
  notAfter: string;
  /** 16 hex digits; what is revoked is named by it. */
  serial: string;
}

/** Stands for every bundle of the source. */
export const ALL_BUNDLES = '*';

/** What the signed metadata of a bundle for members says of them. A bundle without one is open. */
export interface MembersRule {
  /** Serials of memberships that ended before their time. */
  revoked: ReadonlySet<string>;
}

/** Why somebody does not get what he asks for. Closed, and part of the wire's format. */
export const REFUSALS = [
  'not-a-member',
  'expired',
  'revoked',
  'other-bundle',
  'token-unknown',
  'token-used',
  'token-expired',
  'token-revoked',
  'not-the-source',
  'full',
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** What a peer says of why it refuses; whatever is unknown here is a refusal all the same. */
export function parseRefusal(text: string): Refusal | undefined {
  if (text === '') return undefined;
  return REFUSALS.find((one) => one === text) ?? 'not-a-member';
}

const ASK = 'Ask the source’s operator for an invitation (`x invite` there), then run';
const JOIN = "x client --master 'x://…?token=…'";

const WORDS: Record<Refusal, readonly [message: string, hint: string]> = {
  'not-a-member': [
    'gives its bundles to members only, and this machine is none',
    `${ASK} ${JOIN}.`,
  ],
  expired: [
    'takes this machine’s membership for expired',
    `Compare the clocks, or ask for a new invitation (\`x invite\` there) and run ${JOIN}.`,
  ],
  revoked: [
    'has revoked this machine’s membership',
    `If that is wrong, ask the source’s operator for a new invitation, then run ${JOIN}.`,
  ],
  'other-bundle': [
    'gives this bundle to members only, and this machine’s membership is for others',
    `${ASK} ${JOIN}.`,
  ],
  'token-unknown': [
    'knows no such invitation',
    'Copy the whole line that x invite printed, token included; or ask for a new one.',
  ],
  'token-used': [
    'has let in as many machines with this invitation as it is for',
    'An invitation for one machine is bound to the first that uses it: ask for one of your own (`x invite` there).',
  ],
  'token-expired': [
    'made this invitation too long ago: it has expired',
    'Ask for a new one (`x invite` there).',
  ],
  'token-revoked': ['has taken this invitation back', 'Ask for a new one (`x invite` there).'],
  'not-the-source': [
    'is not the source: it cannot let anybody in',
    'Use the invitation as it was printed; once let in, other masters serve this machine too.',
  ],
  full: [
    'has as many members as it can have',
    'Its operator can make room: `x invite --list`, `x invite --revoke DID`.',
  ],
};

/** A refusal as the one who was refused reads it. @param where `10.0.0.7:8471`. */
export function refusalError(refusal: Refusal, where: string): XError {
  const [message, hint] = WORDS[refusal];
  const isOfToken = refusal.startsWith('token-') || ['not-the-source', 'full'].includes(refusal);
  return new XError(isOfToken ? 'INVITATION_REFUSED' : 'NOT_A_MEMBER', `${where} ${message}`, {
    hint,
  });
}
