import { describe, expect, it, vi } from 'vitest';
import { backoff, pauseAfter, sleep } from './backoff';
import { Problem } from './problem';

it('doubles from one second to eight', () => {
  expect([1, 2, 3, 4, 5, 100].map(backoff)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
});

it.each([
  ['the pause that the server asks for', new Problem('', 404, '', 2_000), 2_000],
  ['never none', new Problem('', 503, '', 0), 500],
  ['its own when the server asks for none', new Problem('', 503, ''), 4_000],
  ['its own behind another error', new TypeError('network'), 4_000],
  ['its own behind a clean end', null, 4_000],
])('pauseAfter is %s', (_, error, want) => expect(pauseAfter(error, 3)).toBe(want));

describe('sleep', () => {
  it('ends after its time', async () => {
    vi.useFakeTimers();
    let awake = false;
    const done = sleep(500, new AbortController().signal).then(() => (awake = true));
    await vi.advanceTimersByTimeAsync(499);
    expect(awake).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await done;
    expect(awake).toBe(true);
    vi.useRealTimers();
  });

  it('ends at once when the signal aborts, also before', async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const done = sleep(60_000, controller.signal);
    controller.abort();
    await done;
    await sleep(60_000, controller.signal);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
