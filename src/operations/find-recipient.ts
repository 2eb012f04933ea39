import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { MachineRequest } from '../domain/request.js';
import type { Clock } from '../ports/clock.js';
import type { ExportLog } from '../ports/export-log.js';
import { isDid } from '../trust/did.js';
import { decodeRequest } from '../trust/request-file.js';
import { daysBetween } from '../trust/time.js';

/** For whom an export is, and what need not be carried because it is there. */
export interface Recipient {
  /** A requester's DID, or a name that the user gave. */
  name: string;
  holds(sha256: Sha256): boolean;
  /** What the machine says of itself, where it sent a request. */
  request: MachineRequest | undefined;
}

export interface RequesterTrust {
  did?: Did | undefined;
  ask?: ((what: { requester: Did; from: string }) => Promise<boolean>) | undefined;
}

export interface RecipientDeps {
  exportLog: Pick<ExportLog, 'requester' | 'noteRequest' | 'sentTo'>;
  clock: Pick<Clock, 'now'>;
  /** The bytes of a request file, bounded. */
  readRequestFile(path: string): Promise<Uint8Array>;
}

export interface RecipientQuestion {
  /** A request file, the DID of a machine, or a name under which exports are remembered. */
  who: string;
  trust: RequesterTrust;
  /** What went there counts as lost. */
  resend: boolean;
}

/**
 * Finds out for whom an export is. A request says what is held; for anybody else it is what was
 * exported before, for paths on which nothing comes back.
 * @throws XError INPUT_NOT_FOUND, INPUT_MALFORMED, SIGNATURE_INVALID, UNKNOWN_REQUESTER, USAGE.
 */
export async function findRecipient(
  deps: RecipientDeps,
  { who, trust, resend }: RecipientQuestion,
): Promise<{ recipient: Recipient; warnings: string[] }> {
  if (isRequestFile(who)) {
    if (resend) {
      throw new XError('USAGE', '--resend is for exports without a request', {
        hint: 'A request says itself what is held: leave --resend out.',
      });
    }
    return await ofRequest(deps, who, trust);
  }
  if (!isDid(who) && !isRecipientName(who)) {
    throw new XError('USAGE', `--for "${who.slice(0, 80)}" is no request file, DID or name`, {
      hint: 'A name has up to 64 of a-z, 0-9, dot, dash and underscore; a request file ends in .xreq.',
    });
  }
  const sent = resend ? new Set<Sha256>() : deps.exportLog.sentTo(who);
  const warnings =
    resend || sent.size > 0
      ? []
      : [`nothing was exported to ${who} from here before: everything is carried`];
  return {
    recipient: { name: who, holds: (sha256) => sent.has(sha256), request: undefined },
    warnings,
  };
}

/** Whether `--for` names a file: a path, or what `x request` writes by the look of it. */
export function isRequestFile(who: string): boolean {
  return /[/\\]/.test(who) || who.toLowerCase().endsWith('.xreq');
}

function isRecipientName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name);
}

async function ofRequest(
  { exportLog, clock, readRequestFile }: RecipientDeps,
  path: string,
  trust: RequesterTrust,
): Promise<{ recipient: Recipient; warnings: string[] }> {
  const request = decodeRequest(await readRequestFile(path), path);
  const { requester, createdAt } = request;
  const known = exportLog.requester(requester);
  if (trust.did !== undefined && trust.did !== requester) {
    throw new XError('UNKNOWN_REQUESTER', `${path} is of ${requester}, not of ${trust.did}`, {
      hint: 'Compare with what `x key` shows on the isolated machine.',
    });
  }
  const isTrusted =
    known !== undefined ||
    trust.did === requester ||
    (await trust.ask?.({ requester, from: path })) === true;
  if (!isTrusted) {
    throw new XError(
      'UNKNOWN_REQUESTER',
      `${path} is signed by a machine not known here: ${requester}`,
      {
        hint: `Compare the DID with what \`x key\` shows on the isolated machine, then run again with --trust ${requester}`,
      },
    );
  }
  const now = clock.now();
  exportLog.noteRequest(requester, path, createdAt, now.toISOString());
  const recipient = {
    name: requester,
    holds: (sha256: Sha256) => request.held.has(sha256),
    request,
  };
  return { recipient, warnings: warningsOf(request, known?.newestRequestAt, now) };
}

function warningsOf(
  { createdAt, requester }: MachineRequest,
  newestRequestAt: string | undefined,
  now: Date,
): string[] {
  const warnings: string[] = [];
  if (newestRequestAt !== undefined && newestRequestAt > createdAt) {
    warnings.push(
      `this request is of ${createdAt}; a newer one of ${requester}, of ${newestRequestAt}, was answered before`,
    );
  }
  const ageDays = daysBetween(new Date(createdAt), now);
  if (ageDays > BOUNDS.requestAgeWarningDays) {
    warnings.push(
      `this request is ${ageDays} days old: what the machine holds may have changed since`,
    );
  }
  if (ageDays < -1) {
    warnings.push(
      `this request was made at ${createdAt}, which is ahead of this machine’s clock: one of the two clocks is wrong`,
    );
  }
  return warnings;
}
