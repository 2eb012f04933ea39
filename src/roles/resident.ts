import { askResident, serveControl } from '../platform/control.js';

/** What a resident process tells other commands of the same data folder. */
export interface ResidentAnswer {
  role: string;
  gateway: string | undefined;
}

/** The gateway of the resident client of a data folder; undefined where none runs. */
export async function residentGateway(folder: string): Promise<string | undefined> {
  const answer = await askResident(folder, 'status', {});
  const gateway =
    typeof answer === 'object' && answer !== null && 'gateway' in answer
      ? answer.gateway
      : undefined;
  return typeof gateway === 'string' ? gateway : undefined;
}

/** Answers other commands of the same data folder for as long as this process lives. */
export async function serveResident(
  folder: string,
  resident: { role: string; gateway: string | undefined; status: () => unknown },
): Promise<{ close: () => Promise<void> }> {
  return await serveControl(folder, {
    status: () => ({ role: resident.role, gateway: resident.gateway, detail: resident.status() }),
  });
}
