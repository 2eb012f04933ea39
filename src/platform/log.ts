import type { JsonValue } from '../domain/plan.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, JsonValue | undefined>>;

/** Lines for people and machines on standard error: `2026-11-01T08:00:00.000Z warn text key=value`. */
export type Log = Record<LogLevel, (text: string, fields?: LogFields) => void> & {
  /** The same log with fields that every line has. */
  with(fields: LogFields): Log;
};

export interface LogOptions {
  /** Lines below it are dropped. */
  level: LogLevel;
  now: () => Date;
  /** Where a line goes, its newline included; standard error by default. */
  write?: ((line: string) => void) | undefined;
}

export function createLog(options: LogOptions, always: LogFields = {}): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const loudest = LOG_LEVELS.indexOf(options.level);
  const at =
    (level: LogLevel) =>
    (text: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(level) > loudest) return;
      write(formatLine(options.now(), level, text, { ...always, ...fields }));
    };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    with: (fields) => createLog(options, { ...always, ...fields }),
  };
}

function formatLine(now: Date, level: LogLevel, text: string, fields: LogFields): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${formatValue(value)}`],
  );
  return `${[now.toISOString(), level, oneLine(text), ...pairs].join(' ')}\n`;
}

function formatValue(value: JsonValue): string {
  const plain = typeof value === 'string' && /^[\w./:@+-]+$/.test(value);
  return plain ? value : JSON.stringify(value);
}

/** A text from elsewhere must not forge a second line, nor steer a terminal. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}
