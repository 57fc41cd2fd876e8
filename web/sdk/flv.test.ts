import { expect, it, vi } from 'vitest';
import { streamable } from './flv';

vi.mock('mpegts.js', () => ({ default: {} }));

it.each([
  [true, 'https://h/live/r/s.flv?a=http', 'https://h/live/r/s.flv?a=http'],
  [false, 'https://h/live/r/s.flv?a=http', 'wss://h/live/r/s.flv?a=http'],
  [false, 'http://h/live/r/s.flv', 'ws://h/live/r/s.flv'],
])('with streams %s, %s is read at %s', (hasStreams, url, want) => expect(streamable(url, hasStreams)).toBe(want));
