import { open } from 'node:fs/promises';
import type { Did } from '../domain/bundle.js';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { findRecipient, type Recipient } from '../operations/find-recipient.js';
import { systemClock } from '../platform/clock.js';
import { askRequester } from './ask.js';
import type { DataFolder } from './open-data.js';
import type { Printer } from './printer.js';

/** The longest that a request file can be: both its parts, and the signature's line. */
const MAX_BYTES = BOUNDS.requestHeaderBytes + BOUNDS.requestHeldBytes + 256;

const SHOWN_WISHES = 20;

/** Whom `--for` means; what a request says is shown before anything is done with it. */
export async function recipientOf(
  data: DataFolder,
  printer: Printer,
  question: { who: string; trust: Did | undefined; resend: boolean },
): Promise<Recipient> {
  const { exportLog } = data;
  const { recipient, warnings } = await findRecipient(
    { exportLog, clock: systemClock, readRequestFile },
    { ...question, trust: { did: question.trust, ask: askRequester } },
  );
  const { request } = recipient;
  if (request !== undefined) {
    const { requester, createdAt, target, held } = request;
    const text = `Request of ${requester}, made ${createdAt}: target ${target}; ${held.count} files are held there`;
    printer.report({ event: 'step', text });
    if (request.wishes.length > 0) {
      const shown = request.wishes
        .slice(0, SHOWN_WISHES)
        .map(({ ecosystem, name }) => `${ecosystem}/${name}`);
      const more = request.wishes.length - shown.length;
      const names = `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
      printer.report({ event: 'step', text: `Asked for there in vain: ${names}` });
    }
  }
  for (const message of warnings) printer.report({ event: 'warning', message });
  return recipient;
}

/** @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE, LIMIT_EXCEEDED. */
async function readRequestFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const status = await file.stat();
      if (!status.isFile()) throw new XError('INPUT_UNREADABLE', `${path} is no plain file`);
      if (status.size > MAX_BYTES) {
        throw new XError(
          'LIMIT_EXCEEDED',
          `${path} has ${status.size} bytes, more than any request`,
        );
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof XError) throw cause;
    if (systemCodeOf(cause) === 'ENOENT') {
      throw new XError('INPUT_NOT_FOUND', `there is no ${path}`, {
        hint: '--for takes a request file that x request wrote, a DID, or a name.',
        cause,
      });
    }
    throw new XError('INPUT_UNREADABLE', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
