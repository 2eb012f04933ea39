import type { ContenderName } from './contender.js';
import type { LinkMbit } from './lan.js';
import { limitSeconds } from './scenarios.js';
import type { ClientResult, TrialResult } from './trial-result.js';

const MB = 1e6;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The medians of one contender's runs, as the tables give them. */
export interface Summary {
  contender: ContenderName;
  runs: number;
  /** Runs in which a client did not finish. */
  failed: number;
  limitSeconds: number | undefined;
  /** Of the last client. */
  seconds: number;
  /** Of the last client, from when the first one was let go on, what comes before a connection included. */
  fromGoSeconds: number;
  /** As a multiple of the limit. */
  ratio: number | undefined;
  /** Of the last client that has the source's own link speed; the others' limit is another. */
  unhinderedSeconds: number;
  /** The longest that a client took from its own connection on. */
  longestOwnSeconds: number;
  copies: number;
  megabytesPerSecond: number;
  startUpSeconds: number;
  cpuSeconds: { source: number; client: number };
  /** The kernel's part, start-up included. */
  systemSeconds: { source: number; client: number };
  peakMegabytes: { source: number; client: number };
  idleShare: number;
}

export function summarise(
  contender: ContenderName,
  results: readonly TrialResult[],
  links: readonly LinkMbit[],
): Summary {
  const bytes = results[0]?.contentBytes ?? 0;
  const limit = limitSeconds(bytes, links);
  const whole = results.filter(({ seconds }) => seconds !== undefined);
  const mid = (value: (result: TrialResult) => number): number => median(whole.map(value));
  const most = (of: (client: ClientResult) => number) => (result: TrialResult) =>
    Math.max(...result.clients.map(of));
  const seconds = mid((result) => result.seconds ?? NaN);
  const isUnhindered = ({ host }: ClientResult): boolean => links[host] === links[0];
  return {
    contender,
    runs: results.length,
    failed: results.length - whole.length,
    limitSeconds: limit,
    seconds,
    fromGoSeconds: mid((result) => result.fromGoSeconds ?? NaN),
    ratio: limit === undefined ? undefined : seconds / limit,
    unhinderedSeconds: mid(most((one) => (isUnhindered(one) ? (one.completeSeconds ?? NaN) : 0))),
    longestOwnSeconds: mid(most(({ ownSeconds }) => ownSeconds ?? NaN)),
    copies: mid(({ copies }) => copies),
    megabytesPerSecond: bytes / MB / seconds,
    startUpSeconds: mid(most(({ startUpSeconds }) => startUpSeconds)),
    cpuSeconds: {
      source: mid(({ source }) => source.cpuSeconds),
      client: mid(({ clients }) => median(clients.map(({ cpuSeconds }) => cpuSeconds))),
    },
    systemSeconds: {
      source: mid(({ source }) => source.systemSeconds),
      client: mid(({ clients }) => median(clients.map(({ systemSeconds }) => systemSeconds))),
    },
    peakMegabytes: {
      source: mid(({ source }) => source.peakBytes / MB),
      client: mid(most(({ peakBytes }) => peakBytes / MB)),
    },
    idleShare: mid((result) => result.idleShare),
  };
}

const HEAD = [
  ...['', 'last client', 'x limit', 'from go', 'copies', 'MB/s', 'start-up', 'CPU s source/client'],
  ...['peak MB source/client', 'machine idle', 'runs'],
];

export function summaryTable(summaries: readonly Summary[]): string {
  const rows = summaries.map((one) => [
    one.contender,
    `${one.seconds.toFixed(2)} s`,
    one.ratio?.toFixed(2) ?? '',
    `${one.fromGoSeconds.toFixed(2)} s`,
    one.copies.toFixed(2),
    one.megabytesPerSecond.toFixed(1),
    `${one.startUpSeconds.toFixed(1)} s`,
    `${one.cpuSeconds.source.toFixed(1)} / ${one.cpuSeconds.client.toFixed(1)}`,
    `${one.peakMegabytes.source.toFixed(0)} / ${one.peakMegabytes.client.toFixed(0)}`,
    `${(one.idleShare * 100).toFixed(0)} %`,
    one.failed > 0 ? `${one.runs}, ${one.failed} FAILED` : String(one.runs),
  ]);
  return markdown([HEAD, ...rows]);
}

/** What the table leaves out, where clients are not all alike. */
export function unlikeLines(
  { contender, limitSeconds: limit = NaN, ...one }: Summary,
  { links, joinEverySeconds }: { links: readonly LinkMbit[]; joinEverySeconds?: number },
): string[] {
  const ratio = (seconds: number): string =>
    `${seconds.toFixed(2)} s = ${(seconds / limit).toFixed(2)} x limit`;
  const lines: string[] = [];
  if (links.some((mbit) => mbit !== links[0]))
    lines.push(`${contender}: clients on fast links were done at ${ratio(one.unhinderedSeconds)}`);
  if (joinEverySeconds !== undefined)
    lines.push(
      `${contender}: no client took longer than ${ratio(one.longestOwnSeconds)} by itself`,
    );
  return lines;
}

/** Every client of one run. */
export function clientLines(result: TrialResult): string[] {
  const restarts = result.restarts.map(
    ({ host, share, readySeconds, readBytes }) =>
      `  client ${host} was killed at ${(share * 100).toFixed(0)} %; started again, it was ready after ${readySeconds.toFixed(2)} s, having read ${(readBytes / MB).toFixed(1)} MB`,
  );
  const clients = result.clients.map((one) => {
    const time = one.completeSeconds?.toFixed(2) ?? 'never';
    const own = one.ownSeconds?.toFixed(2) ?? '-';
    const traffic = `in ${(one.receivedBytes / MB).toFixed(0)} MB, out ${(one.sentBytes / MB).toFixed(0)} MB`;
    const used = `${one.cpuSeconds.toFixed(1)} CPU s (${one.systemSeconds.toFixed(1)} kernel), ${(one.peakBytes / MB).toFixed(0)} MB`;
    const failure =
      one.failure === undefined ? '' : `\n    ${one.failure.replaceAll('\n', '\n    ')}`;
    return `  client ${one.host}: ${time} s (own ${own}), ${traffic}, ${used}${failure}`;
  });
  return [...clients, ...restarts, ...result.notes.map((note) => `  ${note}`)];
}

function markdown(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [
    line(head),
    `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`,
    ...body.map(line),
  ].join('\n');
}

/** One run in one line. */
export function trialLine(result: TrialResult, limit: number | undefined): string {
  const { seconds, copies, idleShare } = result;
  const ratio =
    limit === undefined || seconds === undefined
      ? ''
      : ` = ${(seconds / limit).toFixed(2)} x limit`;
  const time = seconds === undefined ? 'NOT FINISHED' : `${seconds.toFixed(2)} s${ratio}`;
  return `${time}, ${copies.toFixed(2)} copies left the source, machine ${(idleShare * 100).toFixed(0)} % idle`;
}
