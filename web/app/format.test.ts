import { describe, expect, it } from 'vitest';
import { formatBitrate, formatDelay, formatDuration, formatForm, formatTracks, formatViewers } from './format';

describe('formatBitrate', () => {
  it.each([
    [0, '0 kbit/s'],
    [639_600, '640 kbit/s'],
    [2_449_000, '2.4 Mbit/s'],
  ])('%d', (bits, want) => expect(formatBitrate(bits)).toBe(want));
});

describe('formatDelay', () => {
  it.each([
    [0, '0 ms'],
    [0.0604, '60 ms'],
    [1.44, '1.4 s'],
  ])('%d', (seconds, want) => expect(formatDelay(seconds)).toBe(want));
});

it.each([
  ['webrtc', 'WebRTC'],
  ['flv', 'FLV'],
  ['dash', 'DASH'],
])('formatForm %s', (form, want) => expect(formatForm(form)).toBe(want));

describe('formatDuration', () => {
  it.each([
    [-5_000, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h 00 min'],
    [3 * 3_600_000 + 5 * 60_000, '3 h 05 min'],
  ])('%d', (ms, want) => expect(formatDuration(ms)).toBe(want));
});

describe('formatTracks', () => {
  it('names size, codecs and channels', () => {
    const tracks = [
      { kind: 'video', codec: 'h264', width: 1280, height: 720 },
      { kind: 'audio', codec: 'opus', channels: 2 },
    ] as const;
    expect(formatTracks([...tracks])).toBe('1280×720 H.264 · Opus stereo');
  });
  it('leaves out what is not known', () => {
    expect(formatTracks([{ kind: 'video', codec: 'new' }, { kind: 'audio', codec: 'aac' }])).toBe('new · AAC');
    expect(formatTracks([])).toBe('');
  });
});

describe('formatViewers', () => {
  it.each([
    [{}, 0, 'nobody watching'],
    [{ flv: 0, hls: 0 }, 0, 'nobody watching'],
    [{ flv: 1, hls: 0 }, 1, '1 watching (1 FLV)'],
    [{ flv: 2, hls: 1 }, 2, '2 watching (2 FLV, 1 HLS)'],
  ])('%j', (viewers, watching, want) => expect(formatViewers({ viewers, watching })).toBe(want));
});
