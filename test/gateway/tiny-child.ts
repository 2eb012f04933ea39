// The harness's gateway in a process of its own, so that its memory can be read: prints its port.
import type { TestContext } from 'node:test';
import { startGateway } from './harness.js';

const atEnd: (() => unknown)[] = [];
const context = { after: (end: () => unknown) => void atEnd.push(end) } as unknown as TestContext;
const { port } = await startGateway(context);
process.once('SIGTERM', () => {
  for (const end of atEnd) end();
});
process.stdout.write(`${port}\n`);
