import { expect, it } from 'vitest';
import { addresses } from './address';

it('builds the addresses of the public contract', () => {
  expect(addresses('https://live.example', { room: 'demo', stream: 'cam' })).toEqual({
    whip: 'https://live.example/whip/demo/cam',
    watch: 'https://live.example/watch/demo/cam',
    webrtc: 'https://live.example/whep/demo/cam',
    flv: 'https://live.example/live/demo/cam.flv',
    hls: 'https://live.example/live/demo/cam.m3u8',
  });
});

it('escapes ids', () => {
  const { flv } = addresses('http://h:1', { room: 'a b#c&d', stream: 'x.y' });
  expect(flv).toBe('http://h:1/live/a%20b%23c%26d/x.y.flv');
});

it('adds the query to the media addresses only', () => {
  const urls = addresses('http://h', { room: 'r', stream: 's' }, 'usersig=t');
  expect(urls.flv).toBe('http://h/live/r/s.flv?usersig=t');
  expect(urls.webrtc).toBe('http://h/whep/r/s?usersig=t');
  expect(urls.hls).toBe('http://h/live/r/s.m3u8?usersig=t');
  expect(urls.watch).toBe('http://h/watch/r/s');
  expect(urls.whip).toBe('http://h/whip/r/s');
});
