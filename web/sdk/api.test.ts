import { describe, expect, it } from 'vitest';
import { parseLive, parsePlay } from './api';

const cam = {
  room: 'demo',
  stream: 'cam',
  state: 'live',
  since: '2026-01-02T03:04:05Z',
  tracks: [
    { kind: 'video', codec: 'h264', width: 1280, height: 720 },
    { kind: 'audio', codec: 'opus', channels: 2 },
  ],
  viewers: { flv: 1, hls: 1 },
  watching: 1,
};

describe('parseLive', () => {
  it('reads the documented answer', () => {
    expect(parseLive({ streams: [cam] })).toEqual([{ ...cam, since: new Date('2026-01-02T03:04:05Z') }]);
  });

  it('leaves out entries that it does not understand', () => {
    const answer = { streams: [null, 7, { room: 'a' }, { ...cam, state: 'new' }, { ...cam, room: 1 }, cam] };
    expect(parseLive(answer)).toHaveLength(1);
  });

  it('takes a stream whose details are missing or odd', () => {
    const odd = { room: 'r', stream: 's', state: 'interrupted', since: 'yesterday', tracks: [{ kind: 'data', codec: 'x' }, 3], viewers: { flv: 'many' } };
    expect(parseLive({ streams: [odd] })).toEqual([{ room: 'r', stream: 's', state: 'interrupted', since: null, tracks: [], viewers: {}, watching: 0 }]);
  });

  it.each([[null], [[]], ['x'], [{}], [{ streams: {} }]])('reads nothing out of %j', (answer) => {
    expect(parseLive(answer)).toEqual([]);
  });
});

describe('parsePlay', () => {
  it('reads the addresses', () => {
    const play = { watch: 'w', flv: 'f', hls: 'h', webrtc: 'r' };
    expect(parsePlay({ room: 'r', play })).toEqual({ watch: 'w', flv: 'f', hls: 'h' });
  });

  it('has none when the server gives none', () => {
    for (const answer of [null, {}, { play: null }, { play: { watch: 'w', flv: 'f' } }]) expect(parsePlay(answer)).toBeNull();
  });
});
