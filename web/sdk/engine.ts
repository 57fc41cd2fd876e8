import type { Form } from './form';

/** What an engine is opened with. */
export interface EngineOptions {
  video: HTMLVideoElement;
  /** Absolute: an engine may load it from inside a worker. */
  url: string;
  /** The kinds of tracks that the broadcast has; none when that is not known. */
  kinds: readonly string[];
}

/** One attempt to play one address in one form, on a video element that it owns until close(). */
export interface Engine {
  /** Settles once, when nothing more will come: null for a clean end, else the reason. It never rejects. */
  readonly over: Promise<Error | null>;
  /** A figure that changes while media is shown, and only then. */
  position(): number;
  /** For how many seconds the browser holds back what it was sent, as well as it knows. */
  delay(): Promise<number>;
  /** Lets go of the video element and of the network. It may be called twice. */
  close(): void;
}

/** Opens an engine. The library behind it is loaded here, so that a page loads only what it plays with. */
export async function openEngine(form: Form, options: EngineOptions): Promise<Engine> {
  switch (form) {
    case 'webrtc':
      return (await import('./webrtc')).openWebRTC(options);
    case 'flv':
      return (await import('./flv')).openFLV(options);
    case 'hls':
      return (await import('./hls')).openHLS(options);
  }
}
