import { describe, expect, it, vi } from 'vitest';
import { backoff, sleep } from './backoff';

it('doubles from one second to eight', () => {
  expect([1, 2, 3, 4, 5, 100].map(backoff)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
});

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
