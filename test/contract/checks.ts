import { test } from 'node:test';

/** A test of a contract: it gets what is under test made anew, which is disposed of afterwards. */
export function checksOf<T extends { dispose(): Promise<void> }>(
  name: string,
  make: () => Promise<T>,
): (what: string, body: (under: T) => Promise<void>) => void {
  return (what, body) => {
    test(`${name}: ${what}`, async () => {
      const under = await make();
      try {
        await body(under);
      } finally {
        await under.dispose();
      }
    });
  };
}
