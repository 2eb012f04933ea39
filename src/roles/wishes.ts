import type { Settings } from '../config/settings.js';
import { openData } from './open-data.js';
import { table, type Printer } from './printer.js';

export interface WishesInput {
  settings: Settings & { folder: string };
  printer: Printer;
  clear: boolean;
}

/** `x wishes`: what native clients asked for here, and no bundle has. */
export async function runWishes({ settings, printer, clear }: WishesInput): Promise<void> {
  const data = await openData(settings.folder);
  try {
    const wishes = data.catalog.wishes();
    if (clear) {
      data.catalog.clearWishes();
      printer.document({ cleared: wishes }, [
        wishes.length === 0 ? 'the list was empty' : `${wishes.length} wishes are forgotten`,
      ]);
      return;
    }
    const rows = wishes.map(({ ecosystem, name, times, lastAt }) => [
      ecosystem,
      name,
      String(times),
      lastAt.slice(0, 16).replace('T', ' '),
    ]);
    printer.document(
      { wishes },
      rows.length === 0
        ? ['nothing was asked for in vain']
        : [
            ...table([['ecosystem', 'name', 'times', 'last asked'], ...rows]),
            'A request carries them: x request -o FILE; at the source: x source --for FILE --wishes',
          ],
    );
  } finally {
    await data.close();
  }
}
