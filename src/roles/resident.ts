import { XError } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import { askResident } from '../platform/control-client.js';
import { serveControl } from '../platform/control-server.js';
import type { ResidentLock } from '../platform/lock.js';
import type { Insight } from '../ports/insight.js';
import { gcOf } from './gc.js';
import type { DataFolder } from './open-data.js';
import { parseMisses, type Misses } from './misses.js';

/** The gateway of the resident client of a data folder; undefined where none runs. */
export async function residentGateway(folder: string): Promise<string | undefined> {
  const answer = await askResident(folder, 'status', {});
  const gateway =
    typeof answer === 'object' && answer !== null && 'gateway' in answer
      ? answer['gateway']
      : undefined;
  return typeof gateway === 'string' ? gateway : undefined;
}

/** What clients of the resident gateway asked for in vain since a mark. */
export async function residentMisses(
  folder: string,
  since: number,
): Promise<{ mark: number; names: string[] }> {
  return parseMisses(await askResident(folder, 'misses', { since }));
}

export interface Resident {
  role: string;
  gateway: string | undefined;
  status: () => JsonValue;
  insight: Pick<Insight, 'status'>;
  data: Pick<DataFolder, 'catalog' | 'store'>;
  /** Ids of the bundles that are shared now. */
  served: () => ReadonlySet<string>;
  /** Of the gateway, where there is one. */
  misses?: Misses;
  /** What is known of the public swarm, where this process is part of it. */
  network?: () => JsonValue;
  /** Answers `x invite`; at a source. */
  invite?: (args: JsonObject) => Promise<JsonValue>;
}

function noInvite(): Promise<JsonValue> {
  const message = 'a client runs in this data folder, and a client lets nobody in';
  const hint = 'Run x invite in the data folder of the source; --data names it.';
  return Promise.reject(new XError('USAGE', message, { hint }));
}

/** Answers other commands of the same data folder for as long as this process lives. */
export async function serveResident(
  folder: string,
  lock: ResidentLock,
  resident: Resident,
): Promise<{ close: () => Promise<void> }> {
  const { role, gateway, misses } = resident;
  const status = (): Promise<JsonValue> =>
    Promise.resolve({
      role,
      ...(gateway === undefined ? {} : { gateway }),
      detail: resident.status(),
    });
  const missesSince = ({ since }: JsonObject): Promise<JsonValue> =>
    Promise.resolve({
      mark: misses?.mark ?? 0,
      names: misses?.since(typeof since === 'number' ? since : 0) ?? [],
    });
  // Through JSON as everything here: what is undefined is left out.
  const overview = (): Promise<JsonValue> =>
    Promise.resolve(
      JSON.parse(
        JSON.stringify({ ...resident.insight.status(), gateway: resident.gateway }),
      ) as JsonValue,
    );
  const server = await serveControl(
    folder,
    new Map([
      ['overview', overview],
      ['gc', (args) => gcOf(resident.data, resident.served())(args)],
      ['status', status],
      ['misses', missesSince],
      ['network', () => Promise.resolve(resident.network?.() ?? null)],
      ['invite', resident.invite ?? noInvite],
    ]),
  );
  lock.announceControl(server.path);
  return server;
}
