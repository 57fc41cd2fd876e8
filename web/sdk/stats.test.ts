import { describe, expect, it } from 'vitest';
import { readDelay, readStats } from './stats';

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

describe('readDelay', () => {
  const receiving = (seconds: number, pieces: number, rtt?: number) => [
    { id: 'picture', type: 'inbound-rtp', kind: 'video', timestamp: 0, jitterBufferDelay: seconds, jitterBufferEmittedCount: pieces },
    { id: 'sound', type: 'inbound-rtp', kind: 'audio', timestamp: 0, jitterBufferDelay: seconds * 2, jitterBufferEmittedCount: pieces },
    { id: 'spare', type: 'candidate-pair', timestamp: 0, nominated: false, currentRoundTripTime: 9 },
    { id: 'pair', type: 'candidate-pair', timestamp: 0, nominated: true, currentRoundTripTime: rtt },
  ];

  it('is the wait of the pictures since the last reading, and half the round trip', () => {
    const first = readDelay(receiving(2, 100, 0.02), {});
    expect(first.delay).toBeCloseTo(0.03);
    expect(readDelay(receiving(5, 200, 0.04), first.memory).delay).toBeCloseTo(0.05);
  });

  it('is that of the sound without pictures', () => {
    expect(readDelay(receiving(2, 100, 0.02).slice(1), {}).delay).toBeCloseTo(0.05);
  });

  it('is the way alone when nothing came, and nothing when nothing is known', () => {
    const { memory } = readDelay(receiving(2, 100), {});
    expect(readDelay(receiving(2, 100, 0.02), memory).delay).toBeCloseTo(0.01);
    expect(readDelay([], memory)).toEqual({ delay: 0, memory: {} });
  });
});
