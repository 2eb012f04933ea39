/** What one check found. */
export interface Finding {
  /** What was looked at: `clock`, `disk`… */
  check: string;
  state: 'ok' | 'warning' | 'failed' | 'fixed';
  /** What is so. */
  text: string;
  /** What to do; there for everything that is not ok. */
  hint?: string | undefined;
}

export function ok(check: string, text: string): Finding {
  return { check, state: 'ok', text };
}

export function warning(check: string, text: string, hint: string): Finding {
  return { check, state: 'warning', text, hint };
}

export function failed(check: string, text: string, hint: string): Finding {
  return { check, state: 'failed', text, hint };
}

export function fixed(check: string, text: string): Finding {
  return { check, state: 'fixed', text };
}
