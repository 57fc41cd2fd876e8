import type { StreamName } from './address';
import type { Form } from './form';

/** How often the server hears that somebody watches, in milliseconds; it forgets a viewer after 30 s. */
const EVERY = 10_000;

/** What a beacon says, and where. */
export interface BeaconOptions {
  origin: string;
  name: StreamName;
  /** That of the media addresses, with the viewer in it. */
  query: string;
  form: Form;
  /** Sends a body without waiting; false when that cannot be. */
  send?: (url: string, body: string) => boolean;
}

/**
 * Says again and again that somebody watches, until the function that it returns is called. A server behind a CDN sees
 * one player of them all, and nothing of who closes a page.
 */
export function startBeacon({ origin, name, query, form, send = sendBeacon }: BeaconOptions): () => void {
  const url = `${origin}/api/v1/beacon?${query}`;
  const viewer = new URLSearchParams(query).get('viewer');
  const say = (left: boolean) => void send(url, JSON.stringify({ ...name, viewer, form, left }));
  say(false);
  const timer = setInterval(() => say(false), EVERY);
  return () => {
    clearInterval(timer);
    say(true);
  };
}

/** The browser's own beacons, which outlive the page; where there are none a viewer goes uncounted. */
function sendBeacon(url: string, body: string): boolean {
  return globalThis.navigator?.sendBeacon?.(url, body) ?? false;
}
