// A client in a process of its own: told by its parent what to pull, killed when the parent likes.
import type { Manifest } from '../../src/domain/bundle.js';
import { pull, startNode } from './nodes.js';

const [seed, folder] = process.argv.slice(2);

process.on('message', (message) => {
  const { manifest, masters } = message as { manifest: Manifest; masters: string[] };
  run(manifest, masters).catch((error: unknown) => {
    process.send?.({ failed: String(error) });
  });
});
process.on('disconnect', () => process.exit(0));

async function run(manifest: Manifest, masters: string[]): Promise<void> {
  const node = await startNode(Number(seed), { folder: folder! });
  const pulling = await pull(node, manifest, { masters });
  process.send?.({ startedWith: pulling.share.heldBytes() });
  const timer = setInterval(() => process.send?.({ held: pulling.share.heldBytes() }), 20);
  await pulling.share.complete(AbortSignal.timeout(30_000));
  clearInterval(timer);
  const { fromMaster, fromSiblings } = pulling;
  await pulling.share.unneeded(10_000);
  process.send?.({ done: { fromMaster, fromSiblings } });
}
