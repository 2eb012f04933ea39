import { XError } from '../domain/errors.js';
import type { NodeKind } from '../domain/network-node.js';
import { runGateway, type GatewayInput } from './gateway.js';
import { joinAsMember } from './member.js';
import type { NetworkWish } from './network-flags.js';
import { parseSize } from './sizes.js';

export interface NodeInput extends Omit<GatewayInput, 'join' | 'role'> {
  wish: NetworkWish;
  /** Undefined: by the quota. */
  kind: NodeKind | undefined;
  serveIndexes: boolean | undefined;
}

/** Who keeps so much is heavy, unless the user says otherwise. */
const HEAVY_BYTES = 100e9;
const SMALLEST_QUOTA_BYTES = 1e9;

/** `x node`: a member of the public swarm, which whoever uses it serves; with a gateway for this machine. */
export async function runNode(input: NodeInput): Promise<void> {
  const quotaBytes = parseSize(input.quota);
  if (quotaBytes < SMALLEST_QUOTA_BYTES) {
    throw new XError('USAGE', `--quota ${input.quota} is too little to be of use to others`, {
      hint: 'Write 1GB or more.',
    });
  }
  const kind = input.kind ?? (quotaBytes >= HEAVY_BYTES ? 'heavy' : 'light');
  await runGateway({
    ...input,
    role: 'node',
    join: (place) => joinAsMember({ ...input, kind }, place),
  });
}
