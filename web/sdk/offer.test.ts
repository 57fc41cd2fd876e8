import { expect, it } from 'vitest';
import { wantStereo } from './offer';

const sdp = (direction: string, fmtp: string) =>
  [
    'v=0',
    'm=video 9 UDP/TLS/RTP/SAVPF 111',
    'a=recvonly',
    'a=fmtp:111 x=1',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 63',
    `a=${direction}`,
    'a=rtpmap:111 opus/48000/2',
    `a=fmtp:111 ${fmtp}`,
    'a=rtpmap:63 red/48000/2',
    'a=fmtp:63 111/111',
    '',
  ].join('\r\n');

it.each([
  ['what is received', sdp('recvonly', 'minptime=10'), sdp('recvonly', 'minptime=10;stereo=1')],
  ['what is sent', sdp('sendonly', 'minptime=10'), null],
  ['what says so already', sdp('recvonly', 'stereo=0;minptime=10'), null],
  ['sprop-stereo speaks of the sender', sdp('recvonly', 'sprop-stereo=1'), null],
  ['other codecs', 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=recvonly\r\na=rtpmap:0 PCMU/8000\r\n', null],
  ['no media', 'v=0\r\n', null],
])('RFC 7587 6.1: stereo, %s', (_, before, after) => expect(wantStereo(before)).toBe(after ?? before));
