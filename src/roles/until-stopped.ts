import { XError } from '../domain/errors.js';

/** Aborts on the first SIGINT or SIGTERM. A second one ends the process at once. */
export function stopSignal(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    controller.abort(stoppedBy(name));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    release: () => {
      process.removeListener('SIGINT', onSignal);
      process.removeListener('SIGTERM', onSignal);
    },
  };
}

function stoppedBy(name: NodeJS.Signals): XError {
  return new XError('STOPPED', `stopped by ${name}`, {
    hint: 'Run the same command again: it continues.',
  });
}
