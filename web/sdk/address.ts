/** Names one broadcast: a stream in a room. */
export interface StreamName {
  room: string;
  stream: string;
}

/** Where one broadcast is published, watched and played. */
export interface Addresses {
  whip: string;
  watch: string;
  /** The WHEP endpoint. */
  webrtc: string;
  flv: string;
  hls: string;
}

/**
 * Builds the addresses of a broadcast on the server at `origin` ("https://live.example"). `query` ("a=b", without
 * question mark) is added to the media addresses: a signature or a UserSig where playing asks for one.
 */
export function addresses(origin: string, name: StreamName, query = ''): Addresses {
  const path = `${encodeURIComponent(name.room)}/${encodeURIComponent(name.stream)}`;
  const suffix = query === '' ? '' : `?${query}`;
  return {
    whip: `${origin}/whip/${path}`,
    watch: `${origin}/watch/${path}`,
    webrtc: `${origin}/whep/${path}${suffix}`,
    flv: `${origin}/live/${path}.flv${suffix}`,
    hls: `${origin}/live/${path}.m3u8${suffix}`,
  };
}
