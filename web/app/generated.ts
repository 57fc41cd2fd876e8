/** What the generator is asked for: the fields of the form by their names. */
export type Where = 'here' | 'cdn';

/** The fields that belong to a stream here, and to one at a CDN. */
const FIELDS: Record<Where, readonly string[]> = {
  here: ['room', 'stream', 'streamid', 'dialect', 'ttl'],
  cdn: ['push_host', 'push_key', 'play_host', 'play_key', 'app', 'sdkappid', 'whip', 'stream', 'dialect', 'ttl'],
};

/** The body of POST /api/v1/addresses: the fields that count for `where` and are not empty. */
export function bodyOf(where: Where, values: ReadonlyMap<string, string>): Record<string, string | number> {
  const body: Record<string, string | number> = {};
  for (const name of FIELDS[where]) {
    // A key may begin or end with a space; nothing else does.
    const raw = values.get(name) ?? '';
    const value = name.endsWith('_key') ? raw : raw.trim();
    if (value !== '') body[name] = name === 'sdkappid' ? Number(value) : value;
  }
  return body;
}

/** One address, with what it is for. */
export interface Row {
  label: string;
  address: string;
}

/** The answer's addresses in the order in which they are shown; what is missing, or no text, is left out. */
export function rowsOf(answer: unknown): Row[] {
  const at = (path: string): unknown =>
    path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], answer);
  return LABELS.flatMap(([path, label]) => {
    const address = at(path);
    return typeof address === 'string' && address !== '' ? [{ label, address }] : [];
  });
}

const LABELS: readonly (readonly [string, string])[] = [
  ['push.rtmp', 'Publish by RTMP'],
  ['push.server', 'RTMP: server'],
  ['push.key', 'RTMP: stream key'],
  ['push.whip', 'Publish by WebRTC (WHIP)'],
  ['play.by_streamid.flv', 'FLV by the stream id'],
  ['play.by_streamid.hls', 'HLS by the stream id'],
  ['play.flv', 'HTTP-FLV'],
  ['play.ws_flv', 'WS-FLV'],
  ['play.hls', 'HLS'],
  ['play.webrtc', 'WebRTC'],
  ['play.rtmp', 'RTMP'],
  ['play.watch', 'Watch page'],
];

/** When the answer's addresses expire; null when it does not say. */
export function expiryOf(answer: unknown): Date | null {
  const text = (answer as { expires?: unknown } | null)?.expires;
  const at = typeof text === 'string' ? new Date(text) : null;
  return at === null || Number.isNaN(at.getTime()) ? null : at;
}
