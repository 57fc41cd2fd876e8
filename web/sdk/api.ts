import type { StreamName } from './address';
import { problemOf } from './problem';

/** One track of a broadcast as the server describes it. Sizes are in pixels. */
export interface LiveTrack {
  kind: 'video' | 'audio';
  codec: string;
  width?: number;
  height?: number;
  channels?: number;
}

/** One broadcast that the server holds. */
export interface LiveStream extends StreamName {
  /** "interrupted": the publisher is gone, and the server still waits for it to come back. */
  state: 'live' | 'interrupted';
  /** When the broadcast began; null when the server did not say. */
  since: Date | null;
  tracks: LiveTrack[];
  /** Viewers by form: flv, hls, … */
  viewers: Record<string, number>;
  /** Viewers, each counted once, whatever forms it plays in; as many as the forms say where the server does not. */
  watching: number;
}

/**
 * Asks the server at `origin` what is live. `query` ("a=b") is what proves that one may know it, where playing asks for
 * that. Throws Problem when it refuses, TypeError when it cannot be reached.
 */
export async function listLive(origin: string, signal: AbortSignal, query = ''): Promise<LiveStream[]> {
  const url = `${origin}/live${query === '' ? '' : `?${query}`}`;
  const response = await fetch(url, { signal, cache: 'no-store', headers: { Accept: 'application/json' } });
  if (!response.ok) throw await problemOf(response);
  return parseLive(await response.json());
}

/** Asks about one broadcast; null when it is not live. A `query` that may play it may ask this. */
export async function findLive(origin: string, name: StreamName, signal: AbortSignal, query = ''): Promise<LiveStream | null> {
  const one = `room=${encodeURIComponent(name.room)}&stream=${encodeURIComponent(name.stream)}`;
  const streams = await listLive(origin, signal, query === '' ? one : `${one}&${query}`);
  return streams.find((s) => s.room === name.room && s.stream === name.stream) ?? null;
}

/** Where a broadcast is played, ready to be passed on. */
export interface PlayAddresses {
  watch: string;
  flv: string;
  hls: string;
}

/**
 * Asks the server at `origin` for the addresses of a broadcast, signed where playing asks for that. Throws Problem when it
 * refuses, TypeError when it cannot be reached.
 */
export async function playAddresses(origin: string, name: StreamName, usersig: string): Promise<PlayAddresses> {
  const path = `${encodeURIComponent(name.room)}/${encodeURIComponent(name.stream)}`;
  const response = await fetch(`${origin}/api/v1/streams/${path}/urls`, {
    cache: 'no-store',
    headers: { Accept: 'application/json', Authorization: `Bearer ${usersig}` },
  });
  if (!response.ok) throw await problemOf(response);
  const play = parsePlay(await response.json());
  if (play === null) throw new Error('the server gave no addresses to play at');
  return play;
}

/** Reads the answer of GET /api/v1/streams/{room}/{stream}/urls; null when it has no addresses to play at. */
export function parsePlay(answer: unknown): PlayAddresses | null {
  const play = field(answer, 'play');
  const [watch, flv, hls] = ['watch', 'flv', 'hls'].map((name) => field(play, name));
  if (typeof watch !== 'string' || typeof flv !== 'string' || typeof hls !== 'string') return null;
  return { watch, flv, hls };
}

/** Reads the answer of GET /live. Entries that are not understood are left out, so a newer server does no harm. */
export function parseLive(answer: unknown): LiveStream[] {
  const streams = field(answer, 'streams');
  return Array.isArray(streams) ? streams.flatMap((s) => parseStream(s) ?? []) : [];
}

function parseStream(value: unknown): LiveStream | null {
  const room = field(value, 'room');
  const stream = field(value, 'stream');
  const state = field(value, 'state');
  if (typeof room !== 'string' || typeof stream !== 'string') return null;
  if (state !== 'live' && state !== 'interrupted') return null;
  const tracks = field(value, 'tracks');
  const viewers = parseCounts(field(value, 'viewers'));
  const watching = field(value, 'watching');
  return {
    room,
    stream,
    state,
    since: parseTime(field(value, 'since')),
    tracks: Array.isArray(tracks) ? tracks.flatMap((t) => parseTrack(t) ?? []) : [],
    viewers,
    watching: typeof watching === 'number' ? watching : Object.values(viewers).reduce((sum, n) => sum + n, 0),
  };
}

function parseTrack(value: unknown): LiveTrack | null {
  const kind = field(value, 'kind');
  const codec = field(value, 'codec');
  if ((kind !== 'video' && kind !== 'audio') || typeof codec !== 'string') return null;
  const track: LiveTrack = { kind, codec };
  for (const key of ['width', 'height', 'channels'] as const) {
    const n = field(value, key);
    if (typeof n === 'number' && n > 0) track[key] = n;
  }
  return track;
}

function parseTime(value: unknown): Date | null {
  const time = typeof value === 'string' ? new Date(value) : null;
  return time !== null && !Number.isNaN(time.getTime()) ? time : null;
}

function parseCounts(value: unknown): Record<string, number> {
  const counts: Record<string, number> = {};
  if (typeof value !== 'object' || value === null) return counts;
  for (const [form, n] of Object.entries(value)) {
    if (typeof n === 'number') counts[form] = n;
  }
  return counts;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
