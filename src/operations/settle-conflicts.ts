import { BOUNDS } from '../domain/bounds.js';
import { answeringEntries, chooseAnswer } from '../domain/answering-source.js';
import { messageOf, XError } from '../domain/errors.js';
import type { Catalog, CatalogEntry } from '../ports/catalog.js';
import type { EcosystemServer, HeldView, ProofVerdict } from '../ports/ecosystem.js';

/** One file's name for which several sources signed other bytes. */
export interface Conflict {
  path: string;
  chosen: CatalogEntry;
  passedOver: CatalogEntry[];
  /** Why that one, in a line. */
  reason: string;
  /** Whether evidence is on its way that may decide otherwise. */
  isOpen: boolean;
}

export interface SettleConflictsDeps {
  catalog: Pick<Catalog, 'bundles' | 'conflicts'>;
  servers: readonly Pick<EcosystemServer, 'name' | 'checkProof'>[];
  /** Reads what is held, and waits for nothing. */
  view: HeldView;
  now: Date;
}

/** Decides which source answers for each file that several signed with other bytes. */
export async function settleConflicts(deps: SettleConflictsDeps): Promise<Conflict[]> {
  const bundles = deps.catalog.bundles();
  if (new Set(bundles.map(({ source }) => source)).size < 2) return [];
  const settled: Conflict[] = [];
  for (const entries of deps.catalog.conflicts(BOUNDS.settledConflicts)) {
    const mayAnswer = answeringEntries(entries, bundles);
    const candidates = await Promise.all(
      mayAnswer.map(async (entry) => ({ entry, ...(await verdictOf(deps, entry)) })),
    );
    const chosen = chooseAnswer(candidates);
    if (chosen === undefined) continue;
    const { note } = candidates.find(({ entry }) => entry === chosen.entry) ?? { note: '' };
    settled.push({
      path: chosen.entry.path,
      chosen: chosen.entry,
      passedOver: entries.filter(({ sha256 }) => sha256 !== chosen.entry.sha256),
      isOpen: candidates.some(({ isAwaited }) => isAwaited),
      reason: reasonOf(
        entries.some((entry) => entry.private),
        chosen.verdict,
        note,
      ),
    });
  }
  return settled;
}

function reasonOf(isPrivate: boolean, verdict: ProofVerdict['verdict'], note: string): string {
  if (isPrivate) return 'its name is private to that source';
  return verdict === 'holds' ? note : 'no proof decides, and that source was known first';
}

async function verdictOf(
  { servers, view, now }: SettleConflictsDeps,
  entry: CatalogEntry,
): Promise<Pick<ProofVerdict, 'verdict' | 'note'> & { isAwaited: boolean }> {
  const server = servers.find(({ name }) => name === entry.ecosystem);
  if (server === undefined) return { verdict: 'none', note: '', isAwaited: false };
  try {
    const { proof, verdict, note } = await server.checkProof(entry, view, now);
    // A digest from an index is the source's own word: it vouches for nothing against another source.
    const isOwnWord = proof === 'index-hash' && verdict === 'holds';
    return { verdict: isOwnWord ? 'none' : verdict, note, isAwaited: false };
  } catch (thrown) {
    if (!(thrown instanceof XError)) throw thrown;
    const isAwaited = thrown.code === 'INCOMPLETE';
    return { verdict: isAwaited ? 'none' : 'broken', note: messageOf(thrown), isAwaited };
  }
}
