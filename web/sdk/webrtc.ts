import type { Engine, EngineOptions } from './engine';
import { lifetime } from './lifetime';
import type { Session } from './session';
import { readDelay, type DelayMemory } from './stats';
import { openWhep } from './whep';

/** Plays WebRTC, opened by WHEP. */
export function openWebRTC({ video, url, kinds }: EngineOptions): Engine {
  const abort = new AbortController();
  const media = new MediaStream();
  let session: Session | null = null;
  let memory: DelayMemory = {};

  const { over, finish, close } = lifetime(video, () => {
    abort.abort();
    video.srcObject = null;
  });
  const run = async (): Promise<Error | null> => {
    session = await openWhep({ url, token: '' }, media, kinds, () => finish(null), abort.signal);
    try {
      await session.lost(abort.signal, () => {});
      if (session.ended) return null;
      // Without a goodbye the server would count a viewer until the connection times out. It outlives the page.
      void session.delete();
      return new Error('the connection was lost');
    } finally {
      session.close();
    }
  };
  run().then(finish, (error: unknown) => finish(error instanceof Error ? error : new Error(String(error))));
  // Before the tracks are known: what is asked to play from here on waits for them.
  video.srcObject = media;

  return {
    over,
    // Of a stream, the element's clock may run on without any media.
    position: () => (session === null ? 0 : shown(kinds, session.connection)),
    async delay() {
      if (session === null) return 0;
      const report = await session.connection.getStats();
      const { delay, memory: next } = readDelay(report.values(), memory);
      memory = next;
      return delay;
    },
    close,
  };
}

/**
 * Until when every kind of media that there is was shown, on a clock of the browser's: a picture may freeze while the
 * sound goes on.
 */
function shown(kinds: readonly string[], connection: RTCPeerConnection): number {
  const receivers = connection.getReceivers().filter(({ track }) => kinds.length === 0 || kinds.includes(track.kind));
  const times = receivers.map((receiver) => Math.max(0, ...receiver.getSynchronizationSources().map((s) => s.timestamp)));
  // Where nobody told what there is, anything will do.
  return kinds.length === 0 ? Math.max(...times) : Math.min(...times);
}
