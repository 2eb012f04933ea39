import { askResident } from '../platform/control-client.js';
import { systemClock } from '../platform/clock.js';
import { residentOf, type Resident } from '../platform/lock.js';
import type { Status } from '../ports/insight.js';
import { createServers } from './ecosystem-servers.js';
import { createInsight } from './insight.js';
import { OwnMemberships } from './members-files.js';
import { openData } from './open-data.js';

/** What a data folder holds now, and who lives in it. */
export interface Overview extends Status {
  /** The process that pulls and serves here, where one does. */
  resident: Pick<Resident, 'pid' | 'role' | 'startedAt'> | undefined;
  /** Its gateway, where it has one. */
  gateway: string | undefined;
}

/** Asks the resident process; where none answers, what lies on the disk says it. */
export async function overviewOf(folder: string): Promise<Overview> {
  const living = residentOf(folder);
  const resident = living && {
    pid: living.pid,
    role: living.role,
    startedAt: living.startedAt,
  };
  const answer = await askResident(folder, 'overview', {});
  // One that was started before an update may know of none.
  const none = { memberships: [] };
  if (isOverview(answer)) return { ...none, ...(answer as unknown as Overview), resident };
  const data = await openData(folder);
  try {
    const own = await OwnMemberships.open(folder);
    const insight = createInsight({
      role: 'none',
      memberships: () => own.latest(),
      // The key may be sealed, and nobody is there to ask.
      did: undefined,
      folder,
      catalog: data.catalog,
      store: data.store,
      marked: data.marked,
      clock: systemClock,
      servers: createServers(),
      shares: () => new Map(),
    });
    return { ...insight.status(), gateway: undefined, resident };
  } finally {
    await data.close();
  }
}

/** The same program on the other side of a socket that is this user's alone: its shape is trusted. */
function isOverview(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'bundles' in value && 'peers' in value;
}
