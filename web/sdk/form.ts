/** How a broadcast is brought to a player. */
export type Form = 'webrtc' | 'flv' | 'hls';

/** What a viewer asks for: one form, or whichever serves best. */
export type Choice = Form | 'auto';

/**
 * All forms, the best first. WebRTC is a tenth of a second behind, on iPhones too, and its loss repair is made for
 * this; FLV is a third of a second behind and passes where only HTTP does; HLS plays everywhere.
 */
export const FORMS: readonly Form[] = ['webrtc', 'flv', 'hls'];

/** The names of the forms for people. */
export const FORM_NAMES: Record<Form, string> = { webrtc: 'WebRTC', flv: 'FLV', hls: 'HLS' };

/** Whether a form can carry these video and audio codecs to this browser. */
export type CanPlay = (form: Form, codecs: readonly string[]) => boolean;

/** The forms to try, in this order: from the chosen one downwards, without those that cannot work; never none. */
export function formsFor(choice: Choice, codecs: readonly string[], can: CanPlay): Form[] {
  const from = choice === 'auto' ? 0 : FORMS.indexOf(choice);
  const forms = FORMS.slice(from).filter((form) => can(form, codecs));
  return forms.length > 0 ? forms : ['hls'];
}

/** What this browser can play, as far as that is known before trying. */
export const canPlay: CanPlay = (form, codecs) => {
  switch (form) {
    case 'webrtc':
      return typeof globalThis.RTCPeerConnection === 'function' && codecs.every(canReceive);
    case 'flv':
      // mpegts.js takes no VP9, for which the server refuses FLV.
      return hasMediaSource() && !codecs.includes('vp9');
    case 'hls':
      return true;
  }
};

const VIDEO = ['h264', 'h265', 'av1', 'vp8', 'vp9'];

/** Sound comes as Opus whatever it was, and every browser takes that; a picture comes as it is. */
function canReceive(codec: string): boolean {
  if (!VIDEO.includes(codec)) return true;
  const capabilities = globalThis.RTCRtpReceiver?.getCapabilities?.('video');
  return capabilities == null || capabilities.codecs.some((c) => c.mimeType.toLowerCase() === `video/${codec}`);
}

/** Media Source Extensions for H.264, which iPhones lack. */
function hasMediaSource(): boolean {
  const type = 'video/mp4; codecs="avc1.42E01E,mp4a.40.2"';
  return typeof globalThis.MediaSource === 'function' && MediaSource.isTypeSupported(type);
}
