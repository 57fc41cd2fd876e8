import { addresses, type StreamName } from './address';
import { findLive, type LiveStream, type LiveTrack } from './api';
import { pauseAfter, sleep } from './backoff';
import { startBeacon } from './beacon';
import { openEngine, type Engine } from './engine';
import { canPlay, FORM_NAMES, formsFor, type Choice, type Form } from './form';
import { Ladder, SUCCESS } from './ladder';
import { Problem, reasonOf } from './problem';
import { newViewer, withViewer } from './viewer';

/** How often the server is asked whether a broadcast has begun or still lives, in milliseconds. */
const POLL = 2_000;
/** How often playback is looked at, and until something shows, in milliseconds. */
const LOOK = 500;
const FIRST_LOOK = 50;
/** How long nothing may move before the server is asked why, in milliseconds. */
const STALL = 2_500;
/** How long nothing may move on a living broadcast before it is opened anew, in milliseconds. */
const FREEZE = 10_000;
/** How long each form may take to show anything of a living broadcast before the next one's turn, in milliseconds. */
const COME_UP: Record<Form, number> = { webrtc: 6_000, flv: 8_000, hls: 12_000 };

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
  /** The form to play in; others follow by themselves when it does not come up. */
  choice: Choice;
  /** Hears which form is opened. */
  onForm: (form: Form) => void;
  /** Hears every change of state or reason; the reason is for people and may be empty. */
  onState: (state: PlayerState, reason: string) => void;
  /** Hears what the broadcast consists of, each time that it is opened; empty when the server does not know yet. */
  onTracks: (tracks: LiveTrack[]) => void;
  /** Hears that the browser refuses to play without a gesture: call resume() from a click. */
  onBlocked: () => void;
}

/** Why one attempt to play came to its end. */
type Outcome = { error: Error | null; lasted: number };

/** Whether an error says something of the broadcast or the viewer, so that another form would meet with the same. */
function isGeneral(error: Error): boolean {
  return error instanceof Problem && (error.retryAfter !== null || error.status === 401 || error.status === 403);
}

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
  readonly #ladder = new Ladder();
  readonly #query: string;
  #choice: Choice;
  #engine: Engine | null = null;
  #state: PlayerState = 'stopped';
  #reason = '';
  #abort: AbortController | null = null;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#choice = options.choice;
    this.#query = withViewer(options.query ?? '', newViewer());
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** For how many seconds the browser holds back what it was sent, as well as it knows; 0 when nothing plays. */
  async delay(): Promise<number> {
    return (await this.#engine?.delay()) ?? 0;
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

  /** Changes the choice, and begins again if it was playing. */
  choose(choice: Choice): void {
    if (choice === this.#choice) return;
    this.#choice = choice;
    this.#ladder.reset();
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
      if (found === null || found instanceof Error) this.#ladder.reset(); // what comes next is another broadcast
      if (found === null) {
        failures = 0;
        this.#set(played ? 'ended' : 'waiting', '');
        await sleep(POLL, signal);
        continue;
      }
      if (found instanceof Error) {
        this.#set(played ? 'interrupted' : 'waiting', reasonOf(found));
        await sleep(pauseAfter(found, ++failures), signal);
        continue;
      }
      const forms = formsFor(this.#choice, found.tracks.map((t) => t.codec), canPlay);
      const form = this.#ladder.pick(forms);
      this.#set('connecting', '');
      const { error, lasted } = await this.#attempt(found, form, signal);
      if (signal.aborted) return;
      played ||= lasted > 0;
      if (lasted >= SUCCESS) failures = 0;
      // A clean end is most often the end of the broadcast: ask at once, but never in a tight loop.
      if (error === null && failures === 0 && lasted > 0) {
        failures = 1;
        continue;
      }
      const given = error !== null && !isGeneral(error) && this.#ladder.fail(form, lasted);
      if (given && this.#ladder.left(forms)) continue;
      this.#set('interrupted', error === null ? '' : reasonOf(error));
      await sleep(pauseAfter(error, ++failures), signal);
    }
  }

  /** Opens an engine, watches it, and closes it; it resolves when there is nothing more to wait for. */
  async #attempt(found: LiveStream, form: Form, signal: AbortSignal): Promise<Outcome> {
    const { video, origin, name } = this.#options;
    this.#options.onTracks(found.tracks);
    this.#options.onForm(form);
    const kinds = kindsOf(found);
    let engine: Engine | null = null;
    let leave = () => {};
    const watch = new AbortController();
    const stop = () => watch.abort();
    signal.addEventListener('abort', stop);
    try {
      engine = await openEngine(form, { video, url: addresses(origin, name, this.#queryOf(form))[form], kinds });
      this.#engine = engine;
      if (signal.aborted) return { error: null, lasted: 0 };
      // The other forms have connections that the server can count.
      if (form === 'hls') leave = startBeacon({ origin, name, query: this.#query, form });
      this.#play();
      let lasted = 0;
      const watched = this.#watch(engine, form, kinds, watch.signal, (ms) => {
        lasted = ms;
      });
      const error = await Promise.race([engine.over, watched]);
      return { error, lasted };
    } catch (thrown) {
      return { error: thrown instanceof Error ? thrown : new Error(String(thrown)), lasted: 0 };
    } finally {
      watch.abort();
      signal.removeEventListener('abort', stop);
      this.#engine = null;
      engine?.close();
      leave();
    }
  }

  /** WebRTC would leave out B-frames, where it can: another form shows all pictures, unless this one was asked for. */
  #queryOf(form: Form): string {
    return form === 'webrtc' && this.#choice === 'auto' ? `${this.#query}&pictures=all` : this.#query;
  }

  /**
   * Looks at what plays until the signal aborts: reports for how long it has played, sets the state, and gives up
   * with a reason when a living broadcast does not move, or with null when it no longer lives, or has other kinds of
   * tracks than it was opened with: engines wait for what they once had.
   */
  async #watch(
    engine: Engine,
    form: Form,
    kinds: string[],
    signal: AbortSignal,
    report: (playedMs: number) => void,
  ): Promise<Error | null> {
    const { video } = this.#options;
    let position = engine.position();
    let moved = performance.now();
    let began = 0;
    let asked = 0;
    while (!signal.aborted) {
      await sleep(began === 0 ? FIRST_LOOK : LOOK, signal);
      if (signal.aborted) break;
      const now = performance.now();
      if (engine.position() !== position) {
        position = engine.position();
        moved = now;
        began ||= now;
        report(now - began + FIRST_LOOK);
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
      else if (still >= (began > 0 ? FREEZE : COME_UP[form])) return new Error(`nothing arrives by ${FORM_NAMES[form]}`);
      else if (began > 0) this.#set('interrupted', '');
    }
    return null;
  }

  async #find(signal: AbortSignal): Promise<LiveStream | Error | null> {
    try {
      return await findLive(this.#options.origin, this.#options.name, signal, this.#query);
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
