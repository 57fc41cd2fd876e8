/** How much is kept loaded ahead of what is shown, in seconds: at first, more by each stall, and at most. */
const LEAST = 0.25;
const STEP = 0.15;
const MOST = 1.5;
/** After this time without a stall one step is given back, in milliseconds. */
const CALM = 30_000;
/** By how many seconds playback may be behind that before it hurries, before it hurries more, and before it jumps. */
const SLACK = 0.15;
const FAR = 1;
const LOST = 3;

/** How much to keep ahead: little where the network is even, more where playback has stalled. */
export class Reserve {
  #seconds = LEAST;
  #since = 0;

  /** The seconds to keep ahead at a time, in milliseconds on any clock. */
  at(now: number): number {
    if (this.#seconds > LEAST && now - this.#since >= CALM) {
      this.#seconds = Math.max(LEAST, this.#seconds - STEP);
      this.#since = now;
    }
    return this.#seconds;
  }

  /** Takes note of a stall. */
  stalled(now: number): void {
    this.#seconds = Math.min(MOST, this.#seconds + STEP);
    this.#since = now;
  }
}

/** The speed at which to go on with so many seconds loaded ahead, of which `reserve` shall stay; `rate` is that of now. */
export function rateFor(ahead: number, reserve: number, rate: number): number {
  if (ahead > reserve + FAR) return 1.25;
  if (ahead > reserve + SLACK) return 1.1;
  return ahead > reserve ? rate : 1;
}

/**
 * Keeps an element that plays live close behind what it has loaded, by its speed or, when that would take too long, by
 * a jump; ends when what it returns is called. Sound keeps its pitch.
 */
export function followEdge(video: HTMLVideoElement): () => void {
  const reserve = new Reserve();
  let playing = false;
  const follow = () => {
    const { buffered, currentTime } = video;
    if (buffered.length === 0) return;
    const [start, end] = [buffered.start(buffered.length - 1), buffered.end(buffered.length - 1)];
    const keep = reserve.at(performance.now());
    if (end - currentTime > keep + LOST) video.currentTime = Math.max(start, end - keep);
    else video.playbackRate = rateFor(end - currentTime, keep, video.playbackRate);
  };
  const began = () => {
    playing = true;
  };
  const stalled = () => {
    // The first wait is that for the beginning, and a jump waits, too.
    if (playing && !video.seeking) reserve.stalled(performance.now());
    playing = false;
  };
  const listeners = { timeupdate: follow, progress: follow, playing: began, waiting: stalled };
  for (const [event, listener] of Object.entries(listeners)) video.addEventListener(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) video.removeEventListener(event, listener);
    video.playbackRate = 1;
  };
}
