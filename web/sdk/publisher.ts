import { pauseAfter, sleep } from './backoff';
import { Problem } from './problem';
import type { Session } from './session';
import { readStats, type PublishStats, type StatsMemory } from './stats';
import { limitVideo, openWhip, type WhipOptions } from './whip';

/**
 * idle → connecting → live ⇄ interrupted → ended. "interrupted" means that the connection is lost and that the
 * publisher is trying to take it up again.
 */
export type PublisherState = 'idle' | 'connecting' | 'live' | 'interrupted' | 'ended';

/** How long a stopped publisher waits for the server to hear of it, in milliseconds. */
const DELETE_LIMIT = 2_000;

/** What a Publisher is made with. */
export interface PublisherOptions extends WhipOptions {
  /** Hears every change of state; `error` is why it is interrupted, or why it ended if nobody asked for it. */
  onState: (state: PublisherState, error: Error | null) => void;
}

/** Keeps one broadcast alive: opens WHIP sessions, one after the other, until stop() or a final refusal. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #abort = new AbortController();
  #state: PublisherState = 'idle';
  #stopping = false;
  /** The newest session; it may be closed. */
  #session: Session | null = null;
  #memory: StatsMemory | null = null;

  constructor(options: PublisherOptions) {
    this.#options = { ...options };
  }

  get state(): PublisherState {
    return this.#state;
  }

  /** Begins to publish. It can be called once. */
  start(): void {
    if (this.#state !== 'idle') throw new Error('a publisher starts once');
    this.#set('connecting', null);
    void this.#run(this.#abort.signal).then((error) => this.#end(error));
  }

  /** Ends the broadcast, here and on the server. It may be called from pagehide: the request outlives the page. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const deleted = this.#session?.delete() ?? Promise.resolve();
    // In this order: a connection that closes before the DELETE arrives looks like a lost one, and the server would
    // keep its viewers waiting for the publisher.
    void Promise.race([deleted, sleep(DELETE_LIMIT, this.#abort.signal)]).then(() => {
      this.#abort.abort();
      this.#end(null);
    });
  }

  /** Sends other tracks of the same kinds from now on; the caller keeps and stops the old ones. */
  async replace(media: MediaStream, maxBitrate: number): Promise<void> {
    this.#options.media = media;
    this.#options.maxBitrate = maxBitrate;
    const connection = this.#session?.connection;
    if (connection === undefined || connection.signalingState === 'closed') return;
    for (const sender of connection.getSenders()) {
      const track = media.getTracks().find((t) => t.kind === sender.track?.kind);
      if (track === undefined) continue;
      await sender.replaceTrack(track);
      if (track.kind === 'video') await limitVideo(sender, maxBitrate);
    }
  }

  /** What is being sent, measured since the last call; null while nothing is. */
  async stats(): Promise<PublishStats | null> {
    if (this.#session === null || this.#state !== 'live') return null;
    const report = await this.#session.connection.getStats();
    const { stats, memory } = readStats(report.values(), this.#memory);
    this.#memory = memory;
    return stats;
  }

  /** Runs until the signal aborts (null) or nothing more can be done (the reason). */
  async #run(signal: AbortSignal): Promise<Error | null> {
    let failures = 0;
    let wasLive = false;
    while (!signal.aborted) {
      const error = await this.#once(signal, () => {
        failures = 0;
        wasLive = true;
      });
      if (signal.aborted || this.#stopping) break;
      // Before the first success an error is news for whoever pressed the button; later it is weather.
      if (!wasLive || (error instanceof Problem && error.final)) return error;
      this.#set('interrupted', error);
      failures++;
      await sleep(pauseAfter(error, failures), signal);
    }
    return null;
  }

  /** One session from its offer to its loss; resolves with the reason. */
  async #once(signal: AbortSignal, live: () => void): Promise<Error> {
    try {
      this.#session = await openWhip(this.#options, signal);
      this.#memory = null;
      live();
      await this.#session.lost(signal, (shaky) => this.#set(shaky ? 'interrupted' : 'live', null));
      return new Error('the connection was lost');
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      // Neither deleted, as the server keeps the broadcast for the session that follows, nor forgotten: stop() may
      // come before that one.
      this.#session?.close();
    }
  }

  #end(error: Error | null): void {
    if (this.#state !== 'ended') this.#set('ended', error);
  }

  #set(state: PublisherState, error: Error | null): void {
    if (this.#state === 'ended' || (state === this.#state && error === null)) return;
    this.#state = state;
    this.#options.onState(state, error);
  }
}
