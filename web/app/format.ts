import type { LiveStream } from '../sdk/api';
import { FORM_NAMES, type Form } from '../sdk/form';

/** "2.4 Mbit/s", "640 kbit/s". */
export function formatBitrate(bits: number): string {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}

const CODECS: Record<string, string> = { h264: 'H.264', h265: 'H.265', av1: 'AV1', vp8: 'VP8', vp9: 'VP9', opus: 'Opus', aac: 'AAC' };

/** A codec's name as people write it. */
export function formatCodec(name: string): string {
  return CODECS[name.toLowerCase()] ?? name;
}

/** "1280×720 H.264 · Opus stereo". */
export function formatTracks(tracks: LiveStream['tracks']): string {
  const parts = tracks.map((track) => {
    const codec = formatCodec(track.codec);
    if (track.kind === 'video') return track.width && track.height ? `${track.width}×${track.height} ${codec}` : codec;
    return track.channels === 1 ? `${codec} mono` : track.channels === 2 ? `${codec} stereo` : codec;
  });
  return parts.join(' · ');
}

/** A form's name as people write it, also of one that is not known here. */
export function formatForm(form: string): string {
  return form in FORM_NAMES ? FORM_NAMES[form as Form] : form.toUpperCase();
}

/** "nobody watching", "1 watching (1 FLV)", "2 watching (2 FLV, 1 HLS)": one of them by both. */
export function formatViewers({ viewers, watching }: Pick<LiveStream, 'viewers' | 'watching'>): string {
  const forms = Object.entries(viewers).filter(([, n]) => n > 0);
  if (watching === 0) return 'nobody watching';
  return `${watching} watching (${forms.map(([form, n]) => `${n} ${formatForm(form)}`).join(', ')})`;
}

/** "60 ms", "1.4 s". */
export function formatDelay(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : `${seconds.toFixed(1)} s`;
}

/** "4 s", "12 min", "3 h 05 min". */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
