import { Problem } from './problem';

/** The longest pause between two tries in a row that nobody asked for, and the shortest of all, in milliseconds. */
const LONGEST = 8_000;
const SHORTEST = 500;

/** The pause in milliseconds after `failures` failed tries in a row: 1, 2, 4, 8, 8 … seconds. */
export function backoff(failures: number): number {
  return Math.min(LONGEST, 1_000 * 2 ** Math.max(0, failures - 1));
}

/** The pause in milliseconds after the last of `failures` failed tries in a row: the server's wish, else backoff(). */
export function pauseAfter(error: Error | null, failures: number): number {
  return error instanceof Problem && error.retryAfter !== null ? Math.max(SHORTEST, error.retryAfter) : backoff(failures);
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
