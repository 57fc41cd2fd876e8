/** The longest pause between two tries in a row, in milliseconds. */
const LONGEST = 8_000;

/** The pause in milliseconds after `failures` failed tries in a row: 1, 2, 4, 8, 8 … seconds. */
export function backoff(failures: number): number {
  return Math.min(LONGEST, 1_000 * 2 ** Math.max(0, failures - 1));
}

/** Resolves after `ms` milliseconds, or at once when `signal` aborts: callers look at the signal next. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
