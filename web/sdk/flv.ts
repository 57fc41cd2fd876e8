import mpegts from 'mpegts.js';
import { followEdge } from './edge';
import type { Engine, EngineOptions } from './engine';
import { buffered, lifetime } from './lifetime';

/** How long the last pictures may take to play out after the response has ended, in milliseconds. */
const DRAIN_LIMIT = 1_500;

// How far behind it plays is left to followEdge: mpegts.js would keep as much after a stall as before. Its stash buffer
// alone costs 1.5 s.
const CONFIG: mpegts.Config = {
  enableWorker: true,
  enableStashBuffer: false,
  lazyLoad: false,
  autoCleanupSourceBuffer: true,
};

/** Plays HTTP-FLV or WS-FLV with mpegts.js. */
export function openFLV({ video, url }: EngineOptions): Engine {
  mpegts.LoggingControl.applyConfig({ enableVerbose: false, enableInfo: false, enableDebug: false, enableWarn: false });
  // Which tracks there are is left to the header, which is true: what was asked before may be so no more.
  const player = mpegts.createPlayer({ type: 'flv', isLive: true, url: streamable(url) }, CONFIG);

  const leaveEdge = followEdge(video);
  let drain: ReturnType<typeof setTimeout> | undefined;
  const { over, finish, close } = lifetime(video, () => {
    clearTimeout(drain);
    leaveEdge();
    player.destroy();
  });
  player.on(mpegts.Events.ERROR, (type: string, detail: string, info?: { msg?: string }) => {
    finish(new Error(`FLV: ${info?.msg || detail || type}`));
  });
  player.on(mpegts.Events.LOADING_COMPLETE, () => {
    drain = setTimeout(() => finish(null), DRAIN_LIMIT);
  });
  player.attachMediaElement(video);
  player.load();
  return { over, position: () => video.currentTime, delay: () => Promise.resolve(buffered(video)), close };
}

/**
 * The address by which a browser gets FLV piece by piece: WebSocket where fetch gives a response only as a whole, as
 * the server speaks both at one path.
 */
export function streamable(url: string, hasStreams = typeof globalThis.ReadableStream === 'function'): string {
  return hasStreams ? url : url.replace(/^http/, 'ws');
}
