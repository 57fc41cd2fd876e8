import { addresses, type StreamName } from './address';
import { findLive, type LiveStream, type LiveTrack } from './api';
import { backoff, sleep } from './backoff';
import { formFor, openEngine, type Engine, type Form } from './engine';
import { reasonOf } from './problem';

/** How often the server is asked whether a broadcast has begun or still lives, in milliseconds. */
const POLL = 2_000;
/** How often playback is looked at, in milliseconds. */
const LOOK = 500;
/** How long nothing may move before the server is asked why, in milliseconds. */
const STALL = 2_500;
/** How long nothing may move on a living broadcast before it is opened anew, in milliseconds. */
const FREEZE = 10_000;
/** Playback that lasted this long was a success: the next failure counts as the first. In milliseconds. */
const SUCCESS = 10_000;

/**
 * stopped: nothing is loaded. waiting: not live yet. connecting: opening. playing: it moves. interrupted: it stands
 * still or broke, and comes back by itself. ended: the broadcast is over; playback begins again if it returns.
 */
export type PlayerState = 'stopped' | 'waiting' | 'connecting' | 'playing' | 'interrupted' | 'ended';

/** What a Player is made with. */
export interface PlayerOptions {
  /** Owned by the player: it sets its source and nothing else. */
  video: HTMLVideoElement;
  origin: string;
  name: StreamName;
  /** Added to the media addresses: see addresses(). */
  query?: string;
  form: Form;
  /** Hears every change of state or reason; the reason is for people and may be empty. */
  onState: (state: PlayerState, reason: string) => void;
  /** Hears what the broadcast consists of, each time that it is opened; empty when the server does not know yet. */
  onTracks: (tracks: LiveTrack[]) => void;
  /** Hears that the browser refuses to play without a gesture: call resume() from a click. */
  onBlocked: () => void;
}

/** Why one attempt to play came to its end. */
type Outcome = { error: Error | null; lasted: number };

/** The kinds of tracks that a broadcast has, each once. */
function kindsOf(found: LiveStream): string[] {
  return [...new Set(found.tracks.map((t) => t.kind))].sort();
}

/**
 * Plays one broadcast for as long as it lives: waits for it, opens it, watches that it moves, and opens it again
 * with growing pauses when it breaks.
 */
export class Player {
  readonly #options: PlayerOptions;
  #form: Form;
  #state: PlayerState = 'stopped';
  #reason = '';
  #abort: AbortController | null = null;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#form = options.form;
  }

  get state(): PlayerState {
    return this.#state;
  }

  get form(): Form {
    return this.#form;
  }

  /** Seconds that are loaded ahead of what is shown. */
  get buffered(): number {
    const { buffered, currentTime } = this.#options.video;
    return buffered.length === 0 ? 0 : Math.max(0, buffered.end(buffered.length - 1) - currentTime);
  }

  /** Begins, or begins again from the live edge. */
  start(): void {
    this.stop();
    this.#abort = new AbortController();
    void this.#run(this.#abort.signal);
  }

  /** Lets go of everything. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.#set('stopped', '');
  }

  /** Changes the form, and begins again in it if it was playing. */
  choose(form: Form): void {
    if (form === this.#form) return;
    this.#form = form;
    if (this.#abort !== null) this.start();
  }

  /** Plays after the browser refused: to be called from a click. */
  resume(): void {
    const { video } = this.#options;
    if (video.buffered.length > 0) video.currentTime = video.buffered.end(video.buffered.length - 1) - 0.1;
    this.#play();
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let played = false;
    while (!signal.aborted) {
      const found = await this.#find(signal);
      if (signal.aborted) return;
      if (found === null) {
        failures = 0;
        this.#set(played ? 'ended' : 'waiting', '');
        await sleep(POLL, signal);
        continue;
      }
      if (found instanceof Error) {
        this.#set(played ? 'interrupted' : 'waiting', reasonOf(found));
        await sleep(backoff(++failures), signal);
        continue;
      }
      this.#set('connecting', '');
      const { error, lasted } = await this.#attempt(found, signal);
      if (signal.aborted) return;
      played ||= lasted > 0;
      if (lasted >= SUCCESS) failures = 0;
      // A clean end is most often the end of the broadcast: ask at once, but never in a tight loop.
      if (error === null && failures === 0 && lasted > 0) {
        failures = 1;
        continue;
      }
      this.#set('interrupted', error === null ? '' : reasonOf(error));
      await sleep(backoff(++failures), signal);
    }
  }

  /** Opens an engine, watches it, and closes it; it resolves when there is nothing more to wait for. */
  async #attempt(found: LiveStream, signal: AbortSignal): Promise<Outcome> {
    const { video, origin, name, query } = this.#options;
    this.#options.onTracks(found.tracks);
    const kinds = kindsOf(found);
    const form = formFor(this.#form, found.tracks.map((t) => t.codec));
    let engine: Engine | null = null;
    const watch = new AbortController();
    const stop = () => watch.abort();
    signal.addEventListener('abort', stop);
    try {
      engine = await openEngine(form, { video, url: addresses(origin, name, query)[form] });
      if (signal.aborted) return { error: null, lasted: 0 };
      this.#play();
      let lasted = 0;
      const watched = this.#watch(kinds, watch.signal, (ms) => {
        lasted = ms;
      });
      const error = await Promise.race([engine.over, watched]);
      return { error, lasted };
    } catch (thrown) {
      return { error: thrown instanceof Error ? thrown : new Error(String(thrown)), lasted: 0 };
    } finally {
      watch.abort();
      signal.removeEventListener('abort', stop);
      engine?.close();
    }
  }

  /**
   * Looks at the element until the signal aborts: reports for how long it has played, sets the state, and gives up
   * with a reason when a living broadcast does not move, or with null when it no longer lives, or has other kinds of
   * tracks than it was opened with: engines wait for what they once had.
   */
  async #watch(kinds: string[], signal: AbortSignal, report: (playedMs: number) => void): Promise<Error | null> {
    const { video } = this.#options;
    let position = video.currentTime;
    let moved = performance.now();
    let began = 0;
    let asked = 0;
    while (!signal.aborted) {
      await sleep(LOOK, signal);
      if (signal.aborted) break;
      const now = performance.now();
      if (video.currentTime !== position) {
        position = video.currentTime;
        moved = now;
        began ||= now;
        report(now - began + LOOK);
        this.#set('playing', '');
        continue;
      }
      // A browser pauses what nobody can see, and what it does not let play: that is no fault of the broadcast.
      if (video.paused) moved = now;
      const still = now - moved;
      if (still < STALL || now - asked < POLL) continue;
      asked = now;
      const found = await this.#find(signal);
      if (signal.aborted) break;
      if (found === null) return null;
      if (!(found instanceof Error) && kinds.length > 0 && kinds.join() !== kindsOf(found).join()) return null;
      if (found instanceof Error) this.#set('interrupted', reasonOf(found));
      else if (found.state === 'interrupted') this.#set('interrupted', 'the publisher lost its connection');
      else if (still >= FREEZE) return new Error('nothing arrives');
      else if (began > 0) this.#set('interrupted', '');
    }
    return null;
  }

  async #find(signal: AbortSignal): Promise<LiveStream | Error | null> {
    try {
      return await findLive(this.#options.origin, this.#options.name, signal);
    } catch (thrown) {
      return thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }

  #play(): void {
    this.#options.video.play().catch((thrown: unknown) => {
      // AbortError only says that the source changed meanwhile.
      if (thrown instanceof DOMException && thrown.name === 'NotAllowedError') this.#options.onBlocked();
    });
  }

  #set(state: PlayerState, reason: string): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#options.onState(state, reason);
  }
}
