import { expect, it } from 'vitest';
import { readStats } from './stats';

const report = (time: number, video: number, audio: number) => [
  { type: 'codec', timestamp: time, mimeType: 'video/H264' },
  { type: 'codec', timestamp: time, mimeType: 'audio/opus' },
  { type: 'outbound-rtp', timestamp: time, kind: 'video', bytesSent: video, framesPerSecond: 30, frameWidth: 1280, frameHeight: 720 },
  { type: 'outbound-rtp', timestamp: time, kind: 'audio', bytesSent: audio },
  { type: 'remote-inbound-rtp', timestamp: time, roundTripTime: 0.012 },
  { type: 'transport', timestamp: time, bytesSent: 999_999_999 },
];

it('measures the bitrate between two readings', () => {
  const first = readStats(report(1_000, 10_000, 1_000), null);
  expect(first.stats).toEqual({ bitrate: 0, fps: 30, width: 1280, height: 720, codecs: ['H264', 'opus'], rtt: 0.012 });
  const second = readStats(report(3_000, 510_000, 9_000), first.memory);
  expect(second.stats.bitrate).toBe(2_032_000);
});

it('is 0 when no time has passed, and when the counters began anew', () => {
  const { memory } = readStats(report(1_000, 10_000, 0), null);
  expect(readStats(report(1_000, 20_000, 0), memory).stats.bitrate).toBe(0);
  expect(readStats(report(2_000, 100, 0), memory).stats.bitrate).toBe(0);
});

it('takes an empty report', () => {
  expect(readStats([], null).stats).toEqual({ bitrate: 0, fps: 0, width: 0, height: 0, codecs: [], rtt: null });
});
