import Hls, { type ErrorData, type HlsConfig } from 'hls.js/light';
import type { Engine, EngineOptions } from './engine';
import { buffered, lifetime } from './lifetime';

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
  const error = new Error('this browser plays no HLS');
  return { over: Promise.resolve(error), position: () => 0, delay: () => Promise.resolve(0), close() {} };
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
  return { over, position: () => video.currentTime, delay: () => Promise.resolve(hls.latency || buffered(video)), close };
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
  return { over, position: () => video.currentTime, delay: () => Promise.resolve(buffered(video)), close };
}
