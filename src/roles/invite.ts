import { networkInterfaces } from 'node:os';
import type { Settings } from '../config/settings.js';
import { BOUNDS } from '../domain/bounds.js';
import { isBundleName } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import { ALL_BUNDLES } from '../domain/membership.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import { trustedNow } from '../operations/trusted-now.js';
import { publishRevoked } from '../operations/publish-revoked.js';
import { askResident } from '../platform/control-client.js';
import { systemClock } from '../platform/clock.js';
import { acquireLock } from '../platform/lock.js';
import { systemRandom } from '../platform/random.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import { formatAddress, parseAddress } from '../swarm/addresses.js';
import { Neighbourhood, readInterfaces } from '../swarm/interfaces.js';
import type { Identity } from '../trust/identity.js';
import { formatInvitation } from '../trust/invitation.js';
import { addInvite, revoke, type Invite, type Member } from '../trust/invites.js';
import { formatTime } from '../trust/time.js';
import { isForMembers } from './bundle-rules.js';
import { BookFile } from './members-files.js';
import { openData } from './open-data.js';
import { openIdentity, openSigner } from './open-keys.js';
import { table, type Printer } from './printer.js';

/** What `x invite` is told to do. */
export type InviteTask =
  | {
      verb: 'create';
      uses: number;
      days: number;
      memberDays: number;
      bundles: string[];
      /** HOST or HOST:PORT that the invited reach the source by. */
      address: string | undefined;
    }
  | { verb: 'list' }
  | { verb: 'revoke'; what: string[]; withMembers: boolean };

export interface InviteInput {
  settings: Settings & { folder: string };
  printer: Printer;
  task: InviteTask;
}

/** `x invite`: lets machines in as members, lists them, ends their membership. */
export async function runInvite({ settings, printer, task }: InviteInput): Promise<void> {
  checkTask(task);
  const args = JSON.parse(JSON.stringify(task)) as JsonObject;
  const answer =
    (await askResident(settings.folder, 'invite', args)) ??
    (await doAlone(settings, printer, task));
  const result = answer as unknown as InviteAnswer;
  printer.document(result, linesOf(result));
  for (const message of result.warnings) printer.report({ event: 'warning', message });
}

/** No process lives in the data folder: this one does it, and nobody else meanwhile. */
async function doAlone(
  settings: InviteInput['settings'],
  printer: Printer,
  task: InviteTask,
): Promise<JsonValue> {
  const lock = await acquireLock(settings.folder, 'invite');
  try {
    const data = await openData(settings.folder, (message) =>
      printer.report({ event: 'warning', message }),
    );
    try {
      const desk = new InviteDesk({
        catalog: data.catalog,
        identity: await openIdentity(settings.folder),
        signer: () => openSigner(settings.folder),
        book: await BookFile.open(settings.folder),
        address: () => hereBy(settings.listen),
      });
      return await desk.handle(task);
    } finally {
      await data.close();
    }
  } finally {
    lock.release();
  }
}

export interface InviteDeskDeps {
  catalog: Catalog;
  identity: Identity;
  signer: () => Promise<Identity>;
  book: BookFile;
  /** Where clients most likely reach this machine. */
  address: () => { host: string; port: number };
  /** Bundles were signed anew. */
  onPublished?: (records: readonly BundleRecord[]) => Promise<void>;
}

type InviteView = Omit<Invite, 'tokenSha256' | 'order' | 'boundTo'> & { left: number };
type MemberView = Omit<Member, 'revokedOrder'> & { isRevoked: boolean };

type InviteAnswer = { warnings: string[] } & (
  | { created: InviteView & { invite: string } }
  | { invites: InviteView[]; members: MemberView[] }
  | {
      revoked: { members: MemberView[]; invites: InviteView[] };
      bundles: { name: string; version: number }[];
    }
);

/** Does what `x invite` asks, for the process that lives in the data folder. */
export class InviteDesk {
  readonly #deps: InviteDeskDeps;

  constructor(deps: InviteDeskDeps) {
    this.#deps = deps;
  }

  async handle(task: InviteTask): Promise<JsonValue> {
    checkTask(task);
    const answer =
      task.verb === 'create'
        ? this.#create(task)
        : task.verb === 'list'
          ? this.#list()
          : await this.#revoke(task);
    return JSON.parse(JSON.stringify(answer)) as JsonValue;
  }

  #create(task: Extract<InviteTask, { verb: 'create' }>): InviteAnswer {
    const { book, identity, address } = this.#deps;
    const bundles = task.bundles.length === 0 ? [ALL_BUNDLES] : [...new Set(task.bundles)].sort();
    const moment = { now: this.#now(), random: systemRandom };
    const made = addInvite(book.book, { ...task, bundles }, moment);
    const { host, port } = task.address === undefined ? address() : hostAndPort(task.address);
    const invite = formatInvitation({ did: identity.did, host, port, token: made.token });
    book.save(made.book);
    return {
      created: { invite, ...inviteView(made.invite) },
      warnings: this.#doubts(task.bundles),
    };
  }

  #list(): InviteAnswer {
    const { invites, members } = this.#deps.book.book;
    return { invites: invites.map(inviteView), members: members.map(memberView), warnings: [] };
  }

  async #revoke(task: Extract<InviteTask, { verb: 'revoke' }>): Promise<InviteAnswer> {
    const { book, catalog, identity, signer, onPublished } = this.#deps;
    // The key before the record: what cannot be signed is not said to be done. And before the book is
    // read: opening it takes a while, in which others change the book.
    const key = await signer();
    const now = this.#now();
    let next = book.book;
    const members: Member[] = [];
    const invites: Invite[] = [];
    const warnings: string[] = [];
    for (const what of task.what) {
      const result = revoke(next, what, { now, withMembers: task.withMembers });
      next = result.book;
      members.push(...result.members);
      invites.push(...result.invites);
      for (const { id } of result.stillOpen)
        warnings.push(
          `invitation ${id} let it in and lets others in: x invite --revoke ${id} closes it`,
        );
    }
    book.save(next);
    const published = publishRevoked({ catalog, clock: systemClock, identity, signer: key }, next);
    await onPublished?.(published);
    const bundles = published.map(({ name, version }) => ({ name, version }));
    const revoked = { members: members.map(memberView), invites: invites.map(inviteView) };
    return { revoked, bundles, warnings: [...new Set(warnings)] };
  }

  /** The time that members are judged by. */
  #now(): Date {
    return trustedNow({ catalog: this.#deps.catalog, clock: systemClock }).now;
  }

  /** What may be a mistake. */
  #doubts(named: readonly string[]): string[] {
    const { catalog } = this.#deps;
    const own = catalog.bundles().filter(({ role }) => role === 'source');
    const forMembers = own
      .filter((record) => isForMembers(catalog, record))
      .map(({ name }) => name);
    if (forMembers.length === 0)
      return ['no bundle here is for members only yet: sign it with `x source --members`'];
    const others = named.filter((name) => !forMembers.includes(name));
    return others.length === 0
      ? []
      : [
          `no bundle for members here is named ${others.join(', ')}; there are: ${forMembers.join(', ')}`,
        ];
  }
}

/** It may come over the control socket: looked at like any input. @throws XError USAGE. */
function checkTask(task: InviteTask): void {
  if (task.verb === 'list') return;
  if (task.verb === 'revoke') {
    if (Array.isArray(task.what) && task.what.every((one) => typeof one === 'string')) return;
    throw new XError('USAGE', 'what is to be revoked is not said');
  }
  const { uses, days, memberDays, bundles, address } = task;
  const isCount = (value: unknown, most: number): boolean =>
    Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most;
  if (!isCount(uses, BOUNDS.inviteUses))
    throw new XError('USAGE', `--uses goes from 1 to ${BOUNDS.inviteUses}`);
  if (!isCount(days, BOUNDS.inviteDays) || !isCount(memberDays, BOUNDS.inviteDays))
    throw new XError('USAGE', `an invitation or membership lasts 1 to ${BOUNDS.inviteDays} days`);
  const wrong = bundles.find((name) => !isBundleName(name));
  if (wrong !== undefined || bundles.length > BOUNDS.membershipBundles)
    throw new XError(
      'USAGE',
      `--bundle ${wrong ?? `${bundles.length} times`}: no list of bundles' names`,
    );
  if (address !== undefined) hostAndPort(address);
}

/** @throws XError USAGE. */
function hostAndPort(address: string): { host: string; port: number } {
  const parsed = parseAddress(address);
  if (parsed.kind === 'host') return parsed;
  throw new XError('USAGE', `--address ${formatAddress(parsed)}: write HOST or HOST:PORT`);
}

/** Without a running source: the first address of this machine that others can reach. */
function hereBy(port: number): { host: string; port: number } {
  const { used } = new Neighbourhood(readInterfaces(networkInterfaces()), []);
  const ips = used.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  return { host: ips.find((ip) => !ip.includes(':')) ?? ips[0] ?? '127.0.0.1', port: port || 8471 };
}

function inviteView({
  id,
  uses,
  bundles,
  memberDays,
  createdAt,
  notAfter,
  boundTo,
  isRevoked,
}: Invite): InviteView {
  return {
    id,
    uses,
    left: uses - boundTo.length,
    bundles,
    memberDays,
    createdAt,
    notAfter,
    isRevoked,
  };
}

function memberView({ revokedOrder, ...member }: Member): MemberView {
  return { ...member, isRevoked: revokedOrder !== undefined };
}

function linesOf(answer: InviteAnswer): string[] {
  if ('created' in answer) {
    const { invite, id, uses, bundles, notAfter, memberDays } = answer.created;
    const whom = uses === 1 ? 'one machine, the first that uses it' : `${uses} machines`;
    return [
      `x client --master '${invite}'`,
      `  for ${whom}, until ${notAfter}; members for ${memberDays} days of ${bundlesText(bundles)}`,
      `  to take it back: x invite --revoke ${id}`,
    ];
  }
  if ('revoked' in answer) {
    const { members, invites } = answer.revoked;
    if (members.length + invites.length + answer.bundles.length === 0) return ['revoked already'];
    return [
      ...members.map(({ member, serial }) => `revoked: ${member} (membership ${serial})`),
      ...invites.map(({ id }) => `taken back: invitation ${id}`),
      ...answer.bundles.map(({ name, version }) => `signed: bundle "${name}", version ${version}`),
      ...(answer.bundles.length === 0
        ? []
        : [
            'The source refuses them from now on; other members do as soon as they have the new version.',
          ]),
    ];
  }
  return [...invitesTable(answer.invites), ...membersTable(answer.members)];
}

function invitesTable(invites: readonly InviteView[]): string[] {
  if (invites.length === 0) return ['no invitations'];
  const now = formatTime(systemClock.now());
  const state = ({ isRevoked, notAfter, left }: InviteView): string =>
    isRevoked ? 'taken back' : notAfter <= now ? 'expired' : left === 0 ? 'used' : `${left} left`;
  return table([
    ['invitation', 'for', 'state', 'until', 'bundles'],
    ...invites.map((one) => [
      one.id,
      String(one.uses),
      state(one),
      one.notAfter,
      bundlesText(one.bundles),
    ]),
  ]);
}

function membersTable(members: readonly MemberView[]): string[] {
  if (members.length === 0) return ['no members'];
  const now = formatTime(systemClock.now());
  const state = ({ isRevoked, notAfter }: MemberView): string =>
    isRevoked ? 'revoked' : notAfter <= now ? 'expired' : 'member';
  return table([
    ['member', 'state', 'until', 'invitation', 'bundles'],
    ...members.map((one) => [
      one.member,
      state(one),
      one.notAfter,
      one.invite,
      bundlesText(one.bundles),
    ]),
  ]);
}

function bundlesText(bundles: readonly string[]): string {
  return bundles.includes(ALL_BUNDLES) ? 'all bundles' : bundles.join(', ');
}
