import { afterEach, describe, expect, it, vi } from 'vitest';
import { canPlay, formsFor, type Choice, type Form } from './form';

afterEach(() => vi.unstubAllGlobals());

describe('formsFor', () => {
  const all = () => true;
  const but = (...missing: Form[]) => (form: Form) => !missing.includes(form);
  it.each<[string, Choice, (form: Form) => boolean, Form[]]>([
    ['the best first', 'auto', all, ['webrtc', 'flv', 'hls']],
    ['from the chosen one downwards', 'flv', all, ['flv', 'hls']],
    ['nothing below HLS', 'hls', all, ['hls']],
    ['without what cannot work', 'auto', but('flv'), ['webrtc', 'hls']],
    ['past a chosen one that cannot work', 'webrtc', but('webrtc'), ['flv', 'hls']],
    ['HLS when nothing can', 'auto', but('webrtc', 'flv', 'hls'), ['hls']],
  ])('%s', (_, choice, can, want) => expect(formsFor(choice, [], can)).toEqual(want));
});

describe('canPlay', () => {
  function browser(receives: string[] | null) {
    vi.stubGlobal('RTCPeerConnection', class {});
    const codecs = receives?.map((name) => ({ mimeType: `video/${name}` }));
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => (codecs === undefined ? null : { codecs }) });
    vi.stubGlobal('MediaSource', Object.assign(class {}, { isTypeSupported: () => true }));
  }

  it.each<[Form, string[], boolean]>([
    ['webrtc', ['h264', 'aac'], true],
    ['webrtc', ['opus'], true],
    ['webrtc', ['h265', 'opus'], false],
    ['webrtc', [], true],
    ['flv', ['h264', 'opus'], true],
    ['flv', ['av1', 'opus'], true],
    ['flv', ['h265'], true],
    ['flv', ['vp9', 'opus'], false],
    ['flv', [], true],
    ['hls', ['vp9'], true],
  ])('%s of %s: %s', (form, codecs, want) => {
    browser(['VP8', 'H264', 'AV1', 'VP9']);
    expect(canPlay(form, codecs)).toBe(want);
  });

  it('tries WebRTC where a browser does not tell its codecs', () => {
    browser(null);
    expect(canPlay('webrtc', ['h265'])).toBe(true);
  });

  it('needs what the browser lacks', () => {
    expect([canPlay('webrtc', []), canPlay('flv', []), canPlay('hls', [])]).toEqual([false, false, true]);
  });
});
