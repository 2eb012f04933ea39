import type { Answered } from '../ports/answered.js';
import { XError, messageOf } from '../domain/errors.js';

export interface AccessLog {
  write(answered: Answered): void;
  close(): Promise<void>;
}

/**
 * Writes a JSON line a request; `-` is standard error. Rotation is the system's: a file that was
 * moved away is opened anew on SIGHUP.
 * @throws XError IO_FAILED where the file cannot be opened.
 */
export async function openAccessLog(file: string): Promise<AccessLog> {
  const { pino } = await import('pino');
  const destination = pino.destination({ dest: file === '-' ? 2 : file, sync: false, mkdir: true });
  await new Promise<void>((resolve, reject) => {
    destination.once('ready', resolve);
    destination.once('error', (error: unknown) =>
      reject(
        new XError('IO_FAILED', `the access log ${file} cannot be written: ${messageOf(error)}`, {
          hint: 'Name a file in a folder that this user may write with --access-log.',
          cause: error,
        }),
      ),
    );
  });
  const reopen = (): void => destination.reopen();
  if (file !== '-') process.on('SIGHUP', reopen);
  return {
    // By its destination alone: a logger that writes no level begins its lines with a comma.
    write: (answered) => void destination.write(`${JSON.stringify(answered)}\n`),
    close: () =>
      new Promise((resolve) => {
        process.removeListener('SIGHUP', reopen);
        destination.once('close', resolve);
        destination.end();
      }),
  };
}
