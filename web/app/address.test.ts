import { describe, expect, it } from 'vitest';
import { choiceIn, parseStudioLink, parseWatchPath, withChoice } from './address';

describe('parseStudioLink', () => {
  it.each([
    ['#room=demo&stream=cam&usersig=eJw*a-b_', { room: 'demo', stream: 'cam', usersig: 'eJw*a-b_', sign: '' }],
    ['#room=demo&stream=cam&sign=w1.1.e..x.a-b_', { room: 'demo', stream: 'cam', usersig: '', sign: 'w1.1.e..x.a-b_' }],
    ['room=a%20b&stream=c%2Bd', { room: 'a b', stream: 'c+d', usersig: '', sign: '' }],
    ['#room=a+b', { room: 'a b', stream: '', usersig: '', sign: '' }],
    ['#room=%E0%A4%A', { room: '\u{fffd}%A', stream: '', usersig: '', sign: '' }],
    ['', { room: '', stream: '', usersig: '', sign: '' }],
    ['#', { room: '', stream: '', usersig: '', sign: '' }],
  ])('%s', (hash, want) => expect(parseStudioLink(hash)).toEqual(want));
});

describe('parseWatchPath', () => {
  it.each([
    ['/watch/demo/cam', { room: 'demo', stream: 'cam' }],
    ['/watch/demo/cam/', { room: 'demo', stream: 'cam' }],
    ['/watch/a%20b%3Fc/d.e', { room: 'a b?c', stream: 'd.e' }],
    ['/watch/demo', null],
    ['/watch/demo/cam/more', null],
    ['/watch//cam', null],
    ['/watch/%E0%A4%A/cam', null],
    ['/', null],
  ])('%s', (path, want) => expect(parseWatchPath(path)).toEqual(want));
});

describe('choiceIn', () => {
  it.each([
    ['?form=hls', 'hls'],
    ['?a=b&form=flv', 'flv'],
    ['?form=webrtc', 'webrtc'],
    ['?form=auto', 'auto'],
    ['?form=constructor', null],
    ['?form=dash', null],
    ['', null],
  ])('%s', (search, want) => expect(choiceIn(search)).toBe(want));
});

describe('withChoice', () => {
  it.each([
    ['', 'hls', '?form=hls'],
    ['?form=hls', 'flv', '?form=flv'],
    ['?a=b%26c', 'hls', '?a=b%26c&form=hls'],
  ] as const)('%s to %s', (search, form, want) => expect(withChoice(search, form)).toBe(want));
});
