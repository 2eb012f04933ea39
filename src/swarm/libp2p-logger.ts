import type { ComponentLogger, Logger } from '@libp2p/interface';

const SILENT: Logger = Object.assign(() => undefined, {
  error: () => undefined,
  trace: () => undefined,
  enabled: false,
  newScope: () => SILENT,
});

/**
 * A logger that says nothing, where DEBUG asks for none of libp2p's own: that makes several objects for each
 * connection and each stream to say nothing with.
 */
export function libp2pLogger(): { logger?: ComponentLogger } {
  return process.env['DEBUG'] === undefined ? { logger: { forComponent: () => SILENT } } : {};
}
