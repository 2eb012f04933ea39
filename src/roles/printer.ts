import type { Writable } from 'node:stream';
import { coloured, hasColours, type MarkedLine } from './colour.js';
import { plainParagraph, plainText } from './plain-text.js';
import type { ProgressEvent, Report } from '../ports/progress.js';

/** A line of `--json` output of a command that stays. */
export interface XEvent {
  event: string;
  [field: string]: unknown;
}

export interface Printer {
  /** Progress and warnings: on standard error, or as events. Steps are for people alone. */
  report: Report;
  /** An event that is also worth a line to a person. */
  event(event: XEvent, line?: string): void;
  /** The one document of a command that ends: JSON, or the lines. */
  document(value: unknown, lines: readonly (string | MarkedLine)[]): void;
  /** Whether the one document was printed. */
  readonly documented: boolean;
  /** A line for a person alone. */
  line(text: string): void;
  /**
   * How things stand: on a terminal in place of the last lines, as an event, or the first line alone
   * every now and then, where it changed. `isLast` does not wait for its time.
   */
  live(event: XEvent, lines: readonly string[], isLast?: boolean): void;
  /**
   * What is watched: on a terminal in place, as an event, or else whole on standard output, every now
   * and then and where it changed.
   */
  screen(event: XEvent, lines: readonly string[]): void;
  /** Ends a live progress line. */
  done(): void;
}

export interface PrinterOptions {
  json: boolean;
  /** With `json`: whether standard output is one event a line, or one document and nothing else. */
  events: boolean;
  quiet: boolean;
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  env: Readonly<Record<string, string | undefined>>;
}

/** How often a live line is redrawn, and how often a plain one is written, in milliseconds. */
const LIVE_EVERY_MS = 200;
const PLAIN_EVERY_MS = 5_000;

/** Renders for a person (live line on a terminal, plain lines otherwise) or for a program (JSON). */
export function createPrinter(options: PrinterOptions): Printer {
  const { json, quiet, stdout, stderr } = options;
  const asEvents = json && options.events;
  const live = stderr.isTTY === true && !quiet && !json && options.env['TERM'] !== 'dumb';
  /** Live lines that stand on the terminal. */
  let drawn = 0;
  let documented = false;
  let lastMs = -Infinity;
  let screened = '';

  const clear = (): void => {
    if (drawn === 1) stderr.write('\r\u001b[K');
    else if (drawn > 1) stderr.write(`\r\u001b[${drawn - 1}A\u001b[J`);
    drawn = 0;
  };
  const emit = (event: XEvent): void => {
    const { event: name, ...fields } = event;
    stdout.write(`${JSON.stringify({ at: new Date().toISOString(), event: name, ...fields })}\n`);
  };
  const tell = (text: string): void => {
    clear();
    stderr.write(`${plainText(text)}\n`);
  };
  const warn = (message: string): void => {
    clear();
    const label = coloured('warning:', 'yellow', hasColours(stderr, options.env));
    stderr.write(`${label} ${plainParagraph(message)}\n`);
  };
  const marked = (line: string | MarkedLine): string => {
    if (typeof line === 'string') return `${plainText(line)}\n`;
    const text = plainText(line.text);
    const mark = text.slice(0, line.length);
    const isOn = hasColours(stdout, options.env);
    return `${coloured(mark, line.colour, isOn)}${text.slice(line.length)}\n`;
  };

  const draw = (lines: readonly string[]): void => {
    clear();
    const most = Math.max((stderr.rows ?? 24) - 1, 1);
    const width = Math.max((stderr.columns ?? 80) - 1, 20);
    const shown = lines.slice(0, most).map((line) => plainText(line).slice(0, width));
    stderr.write(shown.join('\n'));
    drawn = shown.length;
  };
  const toldLast = new Map<string, string>();
  const show = (event: XEvent, lines: readonly string[]): void => {
    if (asEvents) emit(event);
    else if (quiet || json) return;
    else if (live) draw(lines);
    else {
      const [line = ''] = lines;
      // A log has no use for the same words every few seconds, for as long as the process stays.
      if (line !== '' && toldLast.get(event.event) !== line) tell(line);
      toldLast.set(event.event, line);
    }
  };
  /** How things stand where that came too soon after the last: the latest of each is shown when it is due. */
  const waiting = new Map<string, { event: XEvent; lines: readonly string[] }>();
  let timer: NodeJS.Timeout | undefined;
  const forgetWaiting = (): void => {
    clearTimeout(timer);
    timer = undefined;
    waiting.clear();
  };
  const showWaiting = (): void => {
    const shown = [...waiting.values()];
    forgetWaiting();
    if (shown.length > 0) lastMs = performance.now();
    for (const { event, lines } of shown) show(event, lines);
  };
  const everyMs = live || json ? LIVE_EVERY_MS : PLAIN_EVERY_MS;
  /** Whether it is time to show again how things stand. */
  const isDue = (isLast: boolean): boolean => {
    const nowMs = performance.now();
    if (nowMs - lastMs < everyMs && !isLast) return false;
    lastMs = nowMs;
    return true;
  };
  const progress = (event: Extract<ProgressEvent, { event: 'progress' }>): void => {
    if (!isDue(event.bytes >= event.total)) return;
    if (asEvents) emit(event);
    else if (quiet || json) return;
    else if (live) draw([progressLine(event, stderr.columns ?? 80)]);
    else tell(progressLine(event, 0));
  };

  return {
    report(event) {
      if (event.event === 'progress') progress(event);
      else if (event.event === 'warning') {
        if (asEvents) emit(event);
        else warn(event.message);
      } else if (!quiet && !json) tell(event.text);
    },
    event(event, line) {
      if (asEvents) emit(event);
      else if (line !== undefined && !json) {
        clear();
        stdout.write(`${plainText(line)}\n`);
      }
    },
    get documented() {
      return documented;
    },
    document(value, lines) {
      forgetWaiting();
      clear();
      documented = true;
      stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : lines.map(marked).join(''));
    },
    line(text) {
      if (json) return;
      clear();
      stdout.write(`${plainText(text)}\n`);
    },
    live(event, lines, isLast = false) {
      waiting.delete(event.event);
      if (isDue(isLast)) return show(event, lines);
      waiting.set(event.event, { event, lines });
      timer ??= setTimeout(showWaiting, lastMs + everyMs - performance.now()).unref();
    },
    screen(event, lines) {
      if (asEvents) emit(event);
      else if (live) draw(lines);
      else if (!json) {
        const text = lines.map((line) => `${plainText(line)}\n`).join('');
        if (text === screened || !isDue(screened === '')) return;
        screened = text;
        stdout.write(text);
      }
    },
    done() {
      if (asEvents) showWaiting();
      forgetWaiting();
      clear();
    },
  };
}

/** A bar takes what the figures leave, in steps, so that it does not twitch with them. */
const BAR_STEP = 5;
const BAR_MOST = 30;
const WIDE_COLUMNS = 100;

/** @param columns Of the terminal; 0 where there is none. */
function progressLine(
  event: Extract<ProgressEvent, { event: 'progress' }>,
  columns: number,
): string {
  const part = event.total > 0 ? event.bytes / event.total : 1;
  const [master, siblings] = [formatBytes(event.fromMaster), formatBytes(event.fromSiblings)];
  const isWide = columns === 0 || columns >= WIDE_COLUMNS;
  const from = isWide
    ? `${master} from master, ${siblings} from siblings`
    : `master ${master}, siblings ${siblings}`;
  const { fromSwarm = 0 } = event;
  const swarm = fromSwarm > 0 ? `, ${formatBytes(fromSwarm)} from the swarm` : '';
  const shares = event.fromMaster + event.fromSiblings > 0 ? `, ${from}` : swarm;
  const eta =
    event.etaSeconds === undefined || event.etaSeconds === 0
      ? ''
      : `, ${formatSeconds(event.etaSeconds)} left`;
  const figures = `${Math.floor(part * 100)}% of ${formatBytes(event.total)}, ${formatBytes(event.bytesPerSecond)}/s${eta}${shares}`;
  const room = Math.min(BAR_MOST, columns - figures.length - '[] '.length - 1);
  const width = Math.floor(room / BAR_STEP) * BAR_STEP;
  return width > 0 ? `${bar(part, width)} ${figures}` : figures;
}

/** `[=====     ]`: full only where nothing is missing. */
export function bar(part: number, width: number): string {
  const filled = Math.floor(Math.min(Math.max(part, 0), 1) * width);
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`;
}

/** Bytes as people read them: decimal units, three significant figures at most. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A multiaddr as people write it, `10.0.0.5:8471`; as it is where it is no TCP address. */
export function formatPeerAddress(multiaddr: string): string {
  const match = /^(?:\/ip6zone\/([^/]+))?\/ip[46]\/([^/]+)\/tcp\/(\d+)/.exec(multiaddr);
  if (match === null) return multiaddr;
  const [, zone, ip = '', port] = match;
  const host = zone === undefined ? ip : `${ip}%${zone}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Columns padded to their widest cell, as lines. On a terminal that they are too wide for, each row's last
 * cells stand below it, indented.
 * @param room columns of the terminal; 0 where there is none.
 */
export function table(
  rows: readonly (readonly string[])[],
  room: number = terminalColumns(),
): string[] {
  return tableRows(rows, room).flat();
}

/** The same, the lines of each row by themselves. */
export function tableRows(
  rows: readonly (readonly string[])[],
  room: number = terminalColumns(),
): string[][] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const beside = room === 0 ? widths.length : fitting(widths, room);
  return rows.map((row) => {
    const first = row
      .slice(0, beside)
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
    return [first, ...below(row.slice(beside), room)];
  });
}

function terminalColumns(): number {
  // A terminal that does not say how wide it is has none, or 0.
  return process.stdout.isTTY ? Number(process.stdout.columns) || 0 : 0;
}

/** How many columns, the first always, stand beside each other. */
function fitting(widths: readonly number[], room: number): number {
  let used = widths[0] ?? 0;
  let count = 1;
  for (const width of widths.slice(1)) {
    used += 2 + width;
    if (used > room) break;
    count += 1;
  }
  return count;
}

function below(cells: readonly string[], room: number): string[] {
  const lines: string[] = [];
  for (const cell of cells.filter((one) => one !== '')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 2 + cell.length > room) lines.push(`  ${cell}`);
    else lines[lines.length - 1] = `${last}  ${cell}`;
  }
  return lines;
}
