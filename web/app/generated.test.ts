import { describe, expect, test } from 'vitest';
import { bodyOf, expiryOf, rowsOf } from './generated';

describe('bodyOf', () => {
  const values = new Map([
    ['room', ' demo '], ['stream', 'cam'], ['streamid', ''], ['push_host', 'push.example.com'], ['push_key', ' k '],
    ['app', 'live'], ['dialect', 'tencent'], ['ttl', '1h'],
  ]);
  test('takes what belongs to a stream here', () => {
    expect(bodyOf('here', values)).toEqual({ room: 'demo', stream: 'cam', dialect: 'tencent', ttl: '1h' });
  });
  test('takes what belongs to a CDN, its key as it is', () => {
    expect(bodyOf('cdn', values)).toEqual({
      push_host: 'push.example.com', push_key: ' k ', app: 'live', stream: 'cam', dialect: 'tencent', ttl: '1h',
    });
  });
  test('takes the app of another weir as a number', () => {
    expect(bodyOf('cdn', new Map([['push_host', 'weir.example.com'], ['stream', 'cam'], ['dialect', 'weir'], ['sdkappid', '1400000000']]))).toEqual({
      push_host: 'weir.example.com', stream: 'cam', dialect: 'weir', sdkappid: 1400000000,
    });
  });
});

describe('rowsOf', () => {
  test('lists what there is, to publish at first', () => {
    expect(rowsOf({ play: { flv: 'https://a/b.flv', by_streamid: { hls: 'https://a/id.m3u8' } }, push: { rtmp: 'rtmp://a/b', whip: '' } })).toEqual([
      { label: 'Publish by RTMP', address: 'rtmp://a/b' },
      { label: 'HLS by the stream id', address: 'https://a/id.m3u8' },
      { label: 'HTTP-FLV', address: 'https://a/b.flv' },
    ]);
  });
  test.each([null, undefined, 'x', [], { push: null, play: { flv: 1 } }])('lists nothing of %j', (answer) => {
    expect(rowsOf(answer)).toEqual([]);
  });
});

test('expiryOf', () => {
  expect(expiryOf({ expires: '2026-05-01T12:00:00Z' })?.getTime()).toBe(Date.UTC(2026, 4, 1, 12));
  expect(expiryOf({ expires: 'soon' })).toBeNull();
  expect(expiryOf(null)).toBeNull();
});
