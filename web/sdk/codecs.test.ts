import { expect, it } from 'vitest';
import { preferH264 } from './codecs';

it('puts H.264 first, mode 1 before mode 0, and keeps the order of the rest', () => {
  const offered = [
    { mimeType: 'video/VP8' },
    { mimeType: 'video/rtx' },
    { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f' },
    { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42001f' },
    { mimeType: 'video/AV1' },
    { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
  ];
  expect(preferH264(offered)).toEqual([offered[3], offered[5], offered[2], offered[0], offered[1], offered[4]]);
});
