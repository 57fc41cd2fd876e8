/** The end of an engine: it comes once, by the element, by a reason, or by close(). */
export interface Lifetime {
  readonly over: Promise<Error | null>;
  finish: (error: Error | null) => void;
  close: () => void;
}

/** What engines on a video element share: over when the element has ended, when told so, or when closed. */
export function lifetime(video: HTMLVideoElement, release: () => void): Lifetime {
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
  return { over, finish, close };
}

/** Seconds that an element has loaded ahead of what it shows. */
export function buffered({ buffered: ranges, currentTime }: HTMLVideoElement): number {
  return ranges.length === 0 ? 0 : Math.max(0, ranges.end(ranges.length - 1) - currentTime);
}
