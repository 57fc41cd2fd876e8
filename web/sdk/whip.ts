import { sendableVideoCodecs } from './codecs';
import { problemOf } from './problem';

/** How long candidates are gathered before the offer goes out with those that are there, in milliseconds. */
const GATHER_LIMIT = 2_000;
/** How long ICE and DTLS may take after the answer, in milliseconds. */
const CONNECT_LIMIT = 10_000;
/** How long a connection may stay "disconnected", which can heal by itself, before it counts as lost. */
const HEAL_LIMIT = 4_000;

/** What a WHIP session is opened with. */
export interface WhipOptions {
  /** The WHIP endpoint: see addresses(). */
  url: string;
  /** The UserSig or other bearer token; empty for none. */
  token: string;
  /** At most one audio and one video track. The session sends them and never stops them. */
  media: MediaStream;
  /** Upper limit of the video bitrate in bit/s. */
  maxBitrate: number;
}

/**
 * One WHIP session (RFC 9725): one offer, one answer, one peer connection. It does not come back by itself:
 * Publisher opens the next one.
 */
export class WhipSession {
  readonly connection: RTCPeerConnection;
  readonly #location: string;
  readonly #token: string;

  private constructor(connection: RTCPeerConnection, location: string, token: string) {
    this.connection = connection;
    this.#location = location;
    this.#token = token;
  }

  /**
   * Publishes `media` and resolves when it flows. Throws Problem when the server refuses; nothing is left behind
   * then, nor when `signal` aborts.
   */
  static async open(options: WhipOptions, signal: AbortSignal): Promise<WhipSession> {
    const connection = new RTCPeerConnection();
    let session: WhipSession | null = null;
    try {
      await addTracks(connection, options);
      await connection.setLocalDescription();
      await gathered(connection, signal);
      const response = await post(options, connection.localDescription?.sdp ?? '', signal);
      session = new WhipSession(connection, locationOf(response), options.token);
      await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      await connected(connection, signal);
      return session;
    } catch (error) {
      void session?.delete();
      connection.close();
      throw error;
    }
  }

  /**
   * Resolves when the connection is lost for good, or when `signal` aborts. `shaky` hears every change between
   * a connection that carries media (false) and one that may or may not heal (true).
   */
  lost(signal: AbortSignal, shaky: (yes: boolean) => void): Promise<void> {
    const { connection } = this;
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const done = () => {
        clearTimeout(timer);
        connection.removeEventListener('connectionstatechange', look);
        transport?.removeEventListener('statechange', look);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const look = () => {
        clearTimeout(timer);
        const state = connection.connectionState;
        // A server that closes says so by a DTLS alert; the connection's own state follows it 15 s later.
        if (transport?.state === 'closed' || state === 'failed' || state === 'closed') return done();
        if (state === 'disconnected') timer = setTimeout(done, HEAL_LIMIT);
        shaky(state === 'disconnected');
      };
      const transport = connection.getSenders()[0]?.transport ?? null;
      connection.addEventListener('connectionstatechange', look);
      transport?.addEventListener('statechange', look);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
      else look();
    });
  }

  /** Ends the broadcast on the server (RFC 9725 4.2). It outlives the page, never rejects, and may be lost. */
  async delete(): Promise<void> {
    await fetch(this.#location, { method: 'DELETE', keepalive: true, headers: bearer(this.#token) }).catch(() => {});
  }

  /** Closes the connection without telling the server, which keeps the broadcast for a while. */
  close(): void {
    this.connection.close();
  }
}

async function addTracks(connection: RTCPeerConnection, { media, maxBitrate }: WhipOptions): Promise<void> {
  for (const track of media.getTracks()) {
    const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    if (track.kind !== 'video') continue;
    const codecs = sendableVideoCodecs();
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
    await limitVideo(transceiver.sender, maxBitrate);
  }
}

/**
 * Sets the bitrate limit, and asks for fewer pictures instead of smaller ones when bandwidth is short: each change
 * of size is a new sequence header in every output, and Chromium would begin with four of them.
 */
export async function limitVideo(sender: RTCRtpSender, maxBitrate: number): Promise<void> {
  const parameters = sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  for (const encoding of parameters.encodings) encoding.maxBitrate = maxBitrate;
  await sender.setParameters(parameters);
}

function gathered(connection: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  return until(connection, 'icegatheringstatechange', GATHER_LIMIT, signal, () => connection.iceGatheringState === 'complete').then(
    () => signal.throwIfAborted(),
  );
}

async function connected(connection: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  const settled = () => ['connected', 'failed', 'closed'].includes(connection.connectionState);
  await until(connection, 'connectionstatechange', CONNECT_LIMIT, signal, settled);
  signal.throwIfAborted();
  if (connection.connectionState !== 'connected') {
    throw new Error('no media connection: is the server\u2019s WebRTC port reachable from here?');
  }
}

/** Resolves when `ready` holds after an event, after `limit` milliseconds, or when `signal` aborts. */
function until(target: EventTarget, event: string, limit: number, signal: AbortSignal, ready: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      target.removeEventListener(event, look);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const look = () => {
      if (ready()) done();
    };
    const timer = setTimeout(done, limit);
    target.addEventListener(event, look);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
    else look();
  });
}

async function post({ url, token }: WhipOptions, sdp: string, signal: AbortSignal): Promise<Response> {
  const headers = { ...bearer(token), 'Content-Type': 'application/sdp' };
  const response = await fetch(url, { method: 'POST', headers, body: sdp, signal });
  if (!response.ok) throw await problemOf(response);
  return response;
}

// RFC 9725 4.2: the session's URL may be relative to the endpoint's.
function locationOf(response: Response): string {
  const location = response.headers.get('location');
  if (location === null) throw new Error('the server gave no session URL');
  return new URL(location, response.url).href;
}

function bearer(token: string): Record<string, string> {
  return token === '' ? {} : { Authorization: `Bearer ${token}` };
}
