/** How a broadcast is brought to a player. */
export type Form = 'flv' | 'hls';

/** What an engine is opened with. */
export interface EngineOptions {
  video: HTMLVideoElement;
  /** Absolute: an engine may load it from inside a worker. */
  url: string;
}

/** One attempt to play one address in one form, on a video element that it owns until close(). */
export interface Engine {
  /** Settles once, when nothing more will come: null for a clean end, else the reason. It never rejects. */
  readonly over: Promise<Error | null>;
  /** Lets go of the video element and of the network. It may be called twice. */
  close(): void;
}

/** Opens an engine. The library behind it is loaded here, so that a page loads only what it plays with. */
export async function openEngine(form: Form, options: EngineOptions): Promise<Engine> {
  if (form === 'flv') return (await import('./flv')).openFLV(options);
  return (await import('./hls')).openHLS(options);
}

/** The form that these video and audio codecs are played in: mpegts.js takes no VP9, for which the server refuses FLV. */
export function formFor(wanted: Form, codecs: readonly string[]): Form {
  return wanted === 'flv' && codecs.includes('vp9') ? 'hls' : wanted;
}

/** Whether FLV can be played: it needs Media Source Extensions for H.264, which iPhones lack. */
export function canPlayFLV(): boolean {
  const type = 'video/mp4; codecs="avc1.42E01E,mp4a.40.2"';
  return typeof globalThis.MediaSource === 'function' && MediaSource.isTypeSupported(type);
}
