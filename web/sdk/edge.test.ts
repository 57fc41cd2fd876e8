import { describe, expect, it, vi } from 'vitest';
import { followEdge, rateFor, Reserve } from './edge';

describe('rateFor', () => {
  it.each([
    ['at the edge', 0.2, 1, 1],
    ['as it was within the slack', 0.35, 1, 1],
    ['as it was until it is there', 0.3, 1.1, 1.1],
    ['faster behind the slack', 0.5, 1, 1.1],
    ['much faster when far', 1.5, 1, 1.25],
    ['slower again', 0.25, 1.1, 1],
  ])('%s', (_, ahead, rate, want) => expect(rateFor(ahead, 0.25, rate)).toBe(want));
});

it('keeps more after each stall, up to a limit, and gives it back in calm', () => {
  const reserve = new Reserve();
  expect(reserve.at(1e9)).toBe(0.25);
  reserve.stalled(0);
  expect(reserve.at(29_999)).toBeCloseTo(0.4);
  expect(reserve.at(30_000)).toBe(0.25);
  for (let i = 0; i < 100; i++) reserve.stalled(40_000);
  expect(reserve.at(40_000)).toBe(1.5);
  expect(reserve.at(70_000)).toBeCloseTo(1.35);
  expect(reserve.at(70_001)).toBeCloseTo(1.35);
});

describe('followEdge', () => {
  function element(ahead: number, from = 0) {
    const video = new EventTarget() as EventTarget & Record<string, unknown>;
    Object.assign(video, { currentTime: 10, playbackRate: 1, seeking: false, buffered: { length: 1, start: () => from, end: () => 10 + ahead } });
    return { video, stop: followEdge(video as unknown as HTMLVideoElement), tell: (event: string) => video.dispatchEvent(new Event(event)) };
  }

  it('hurries, and is normal again in the end', () => {
    const { video, stop, tell } = element(0.9);
    tell('timeupdate');
    expect(video['playbackRate']).toBe(1.1);
    stop();
    expect(video['playbackRate']).toBe(1);
    tell('timeupdate');
    expect(video['playbackRate']).toBe(1);
  });

  it('jumps when it is far behind', () => {
    const { video, tell } = element(5);
    tell('progress');
    expect(video['currentTime']).toBe(14.75);
  });

  it('jumps no further back than what is loaded without a gap', () => {
    const { video, tell } = element(5, 14.9);
    tell('progress');
    expect(video['currentTime']).toBe(14.9);
  });

  it('keeps more behind a stall, not behind the first wait or a jump', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { video, tell } = element(0.5);
    tell('waiting');
    tell('playing');
    video['seeking'] = true;
    tell('waiting');
    video['seeking'] = false;
    tell('timeupdate');
    expect(video['playbackRate']).toBe(1.1);
    video['playbackRate'] = 1;
    tell('playing');
    tell('waiting');
    tell('timeupdate');
    expect(video['playbackRate']).toBe(1);
    vi.useRealTimers();
  });

  it('waits for something to be loaded', () => {
    const { video, tell } = element(0);
    video['buffered'] = { length: 0 };
    tell('timeupdate');
    expect(video['playbackRate']).toBe(1);
  });
});
