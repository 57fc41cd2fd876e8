// The page "/": what is live, kept fresh while somebody looks at it.
import { addresses } from '../sdk/address';
import { listLive, type LiveStream } from '../sdk/api';
import { sleep } from '../sdk/backoff';
import { reasonOf } from '../sdk/problem';
import { element, setText } from './dom';
import { formatDuration, formatTracks, formatViewers } from './format';

const POLL = 3_000;

const root = element('root', HTMLElement);
const list = element('streams', HTMLUListElement);
const empty = element('empty', HTMLElement);
const summary = element('summary', HTMLElement);
const error = element('error', HTMLElement);
const template = element('stream-template', HTMLTemplateElement);

/** The list's items by room and stream, kept so that focus and selection survive an update. */
const items = new Map<string, HTMLLIElement>();

// A link may bring a token in its fragment, as the watch page's does: it is passed on to that.
async function poll(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      show(await listLive(location.origin, signal, location.hash.slice(1)));
    } catch (thrown) {
      if (signal.aborted) return;
      setText(error, `Cannot read what is live: ${reasonOf(thrown)}. Trying again.`);
      error.hidden = false;
    }
    await sleep(POLL, signal);
  }
}

function show(streams: LiveStream[]): void {
  error.hidden = true;
  empty.hidden = streams.length > 0;
  root.dataset['state'] = streams.length > 0 ? 'live' : 'empty';
  setText(summary, streams.length === 0 ? '' : streams.length === 1 ? '1 broadcast' : `${streams.length} broadcasts`);
  const gone = new Set(items.keys());
  for (const stream of streams) {
    // Neither part can contain a slash.
    const key = `${stream.room}/${stream.stream}`;
    gone.delete(key);
    const item = items.get(key) ?? addItem(key);
    fill(item, stream);
  }
  for (const key of gone) {
    items.get(key)?.remove();
    items.delete(key);
  }
}

function addItem(key: string): HTMLLIElement {
  const item = template.content.firstElementChild?.cloneNode(true) as HTMLLIElement;
  items.set(key, item);
  list.append(item);
  return item;
}

function fill(item: HTMLLIElement, stream: LiveStream): void {
  const part = (selector: string) => item.querySelector(selector) as HTMLElement;
  (part('a') as HTMLAnchorElement).href = addresses(location.origin, stream).watch + location.hash;
  setText(part('.name'), `${stream.room} / ${stream.stream}`);
  setText(part('.tracks'), formatTracks(stream.tracks) || 'no tracks yet');
  const since = stream.since === null ? '' : `for ${formatDuration(Date.now() - stream.since.getTime())} · `;
  setText(part('.viewers'), `${since}${formatViewers(stream)}`);
  const pill = part('.pill');
  setText(pill, stream.state === 'live' ? 'Live' : 'Interrupted');
  pill.dataset['tone'] = stream.state === 'live' ? 'live' : 'wait';
}

let polling: AbortController | null = null;

function follow(): void {
  polling?.abort();
  polling = null;
  if (document.visibilityState !== 'visible') return;
  polling = new AbortController();
  void poll(polling.signal);
}

document.addEventListener('visibilitychange', follow);
follow();
