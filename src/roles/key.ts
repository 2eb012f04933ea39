import type { Settings } from '../config/settings.js';
import { openIdentity } from './open-data.js';
import type { Printer } from './printer.js';

/** `x key`: this machine's DID, its key made where there is none yet. */
export async function runKey(input: {
  settings: Settings & { folder: string };
  printer: Printer;
}): Promise<void> {
  const { did } = await openIdentity(input.settings.folder);
  input.printer.document({ did }, [did]);
}
