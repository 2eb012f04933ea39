import { Metadata, type Targets } from '@tufjs/models';
import { createHash } from 'node:crypto';
import type { Identity } from '../../src/trust/identity.js';
import { encodeSigned } from '../../src/trust/sign.js';

/** A role's signed part as free JSON, for the attacker to edit. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an attacker's JSON has no shape
export type Loose = any;

export interface Forgery {
  /** Edits by role: `root`, `timestamp`, `snapshot`, `targets`, `bin-0`. Each edited role is signed again. */
  edit?: Record<string, (signed: Loose) => void>;
  /** Who signs the edited roles; by default whoever `holder` is. None: the signatures stay as they were. */
  signers?: Record<string, Identity[] | undefined>;
  /** Roles that the next ones up do not list anew. */
  unlisted?: string[];
}

/** Signed JSON of any shape, sound or not. */
export function signJson(signed: Loose, signers: readonly Identity[]): Uint8Array {
  const shape = { toJSON: () => signed } as unknown as Targets;
  return encodeSigned(new Metadata(shape), signers);
}

/**
 * Metadata as somebody who holds `holder`'s key could publish it: the edits are made, the edited
 * roles signed again, and every file above lists what changed below.
 */
export function forge(
  files: ReadonlyMap<string, Uint8Array>,
  holder: Identity,
  { edit = {}, signers = {}, unlisted = [] }: Forgery,
): Map<string, Uint8Array> {
  const forged = new Map(files);
  const changed = new Set(Object.keys(edit));
  const json = (role: string): { name: string; signed: Loose } => {
    const names = [...forged.keys()].filter((name) =>
      role === 'timestamp' ? name === 'timestamp.json' : name.endsWith(`.${role}.json`),
    );
    const name = names.sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))[0] ?? '';
    return { name, signed: JSON.parse(Buffer.from(forged.get(name)!).toString()).signed };
  };
  const put = (role: string, name: string, signed: Loose): void => {
    const before = JSON.parse(Buffer.from(forged.get(name)!).toString());
    forged.delete(name);
    const newName = role === 'timestamp' ? name : `${signed.version}.${role}.json`;
    const isKept = role in signers && signers[role] === undefined;
    const bytes = isKept
      ? Buffer.from(JSON.stringify({ ...before, signed }))
      : signJson(signed, signers[role] ?? [holder]);
    forged.set(newName, bytes);
  };
  const list = (meta: Loose, role: string): void => {
    const { name, signed } = json(role);
    const bytes = forged.get(name)!;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    meta[`${role}.json`] = { version: signed.version, length: bytes.length, hashes: { sha256 } };
  };
  for (const role of [...changed].filter((name) => /^(bin-|targets$|root$)/.test(name))) {
    const { name, signed } = json(role);
    edit[role]?.(signed);
    put(role, name, signed);
  }
  const below = [...changed].filter(
    (role) => /^(bin-|targets$)/.test(role) && !unlisted.includes(role),
  );
  if (below.length > 0 || changed.has('snapshot')) {
    const { name, signed } = json('snapshot');
    for (const role of below) list(signed.meta, role);
    edit['snapshot']?.(signed);
    put('snapshot', name, signed);
    changed.add('snapshot');
  }
  if ((changed.has('snapshot') && !unlisted.includes('snapshot')) || changed.has('timestamp')) {
    const { name, signed } = json('timestamp');
    if (changed.has('snapshot') && !unlisted.includes('snapshot')) list(signed.meta, 'snapshot');
    edit['timestamp']?.(signed);
    put('timestamp', name, signed);
  }
  return forged;
}
