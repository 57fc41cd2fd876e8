import Hls, { type ErrorData, type HlsConfig } from 'hls.js/light';
import type { Engine, EngineOptions } from './engine';

// hls.js never catches up after a stall with its default rate of 1.
const CONFIG: Partial<HlsConfig> = {
  lowLatencyMode: true,
  maxLiveSyncPlaybackRate: 1.5,
  backBufferLength: 10,
};

/** Plays HLS: with hls.js where it works, else with the browser's own player (iPhones). */
export function openHLS(options: EngineOptions): Engine {
  // In this order: Chromium answers "maybe" to canPlayType although hls.js serves it better.
  if (Hls.isSupported()) return openHlsJs(options);
  if (options.video.canPlayType('application/vnd.apple.mpegurl') !== '') return openNative(options);
  return { over: Promise.resolve(new Error('this browser plays neither FLV nor HLS')), close() {} };
}

function openHlsJs({ video, url }: EngineOptions): Engine {
  const hls = new Hls(CONFIG);
  const { over, finish, close } = lifetime(video, () => hls.destroy());
  let recovered = false;
  hls.on(Hls.Events.ERROR, (_event, data: ErrorData) => {
    if (!data.fatal) return;
    // hls.js can take a media error by rebuilding its buffers, once; more often than that it would only flicker.
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true;
      hls.recoverMediaError();
      return;
    }
    finish(new Error(`HLS: ${data.details}`));
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return { over, close };
}

function openNative({ video, url }: EngineOptions): Engine {
  const failed = () => finish(new Error(`HLS: ${video.error?.message || 'the browser cannot play it'}`));
  const { over, finish, close } = lifetime(video, () => {
    video.removeEventListener('error', failed);
    video.removeAttribute('src');
    video.load();
  });
  video.addEventListener('error', failed);
  video.src = url;
  return { over, close };
}

/** What both players share: they are over when the element has ended, when told so, or when closed. */
function lifetime(video: HTMLVideoElement, release: () => void) {
  let finish: (error: Error | null) => void = () => {};
  const over = new Promise<Error | null>((resolve) => {
    finish = resolve;
  });
  const ended = () => finish(null);
  video.addEventListener('ended', ended);
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    video.removeEventListener('ended', ended);
    release();
    finish(null);
  };
  return { over, finish: (error: Error | null) => finish(error), close };
}
