import type { JsonValue } from '../domain/plan.js';
import { askResident } from '../platform/control-client.js';
import { serveControl } from '../platform/control-server.js';
import type { ResidentLock } from '../platform/lock.js';

/** The gateway of the resident client of a data folder; undefined where none runs. */
export async function residentGateway(folder: string): Promise<string | undefined> {
  const answer = await askResident(folder, 'status', {});
  const gateway =
    typeof answer === 'object' && answer !== null && 'gateway' in answer
      ? answer['gateway']
      : undefined;
  return typeof gateway === 'string' ? gateway : undefined;
}

/** Answers other commands of the same data folder for as long as this process lives. */
export async function serveResident(
  folder: string,
  lock: ResidentLock,
  resident: { role: string; gateway: string | undefined; status: () => JsonValue },
): Promise<{ close: () => Promise<void> }> {
  const { role, gateway } = resident;
  const status = (): Promise<JsonValue> =>
    Promise.resolve({
      role,
      ...(gateway === undefined ? {} : { gateway }),
      detail: resident.status(),
    });
  const server = await serveControl(folder, new Map([['status', status]]));
  lock.announceControl(server.path);
  return server;
}
