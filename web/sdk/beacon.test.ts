import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startBeacon } from './beacon';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('says at once and every ten seconds that somebody watches, and in the end that nobody does', () => {
  const sent: { url: string; left: boolean }[] = [];
  const stop = startBeacon({
    origin: 'http://h',
    name: { room: 'r', stream: 's' },
    query: 'sign=a.b&viewer=abcdefgh',
    form: 'hls',
    send: (url, body) => {
      const { left, ...said } = JSON.parse(body);
      expect(said).toEqual({ room: 'r', stream: 's', viewer: 'abcdefgh', form: 'hls' });
      sent.push({ url, left });
      return true;
    },
  });
  expect(sent).toEqual([{ url: 'http://h/api/v1/beacon?sign=a.b&viewer=abcdefgh', left: false }]);
  vi.advanceTimersByTime(20_000);
  expect(sent.map((s) => s.left)).toEqual([false, false, false]);
  stop();
  vi.advanceTimersByTime(60_000);
  expect(sent.map((s) => s.left)).toEqual([false, false, false, true]);
});
