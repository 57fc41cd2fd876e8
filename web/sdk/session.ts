import { iceServersOf } from './iceservers';
import { createOffer } from './offer';
import { Problem, problemOf } from './problem';
import { bearer, Signaling } from './signaling';

/** How long ICE and DTLS may take after the answer, in milliseconds. */
const CONNECT_LIMIT = 10_000;
/** How long a connection may stay "disconnected", which can heal by itself, before ICE is restarted. */
const HEAL_LIMIT = 1_000;
/** How long a restart is given before the next one. */
const RESTART_LIMIT = 3_000;
/** How often ICE is restarted before the connection counts as lost. */
const RESTARTS = 4;

/** Where a session is asked for. */
export interface Endpoint {
  /** The WHIP or WHEP endpoint: see addresses(). */
  url: string;
  /** The UserSig or other bearer token; empty for none. */
  token: string;
}

/**
 * One WHIP session (RFC 9725) or WHEP session (draft-ietf-wish-whep), which differ only in who sends: one offer, one
 * answer, one peer connection, whose path may change. It does not come back once it is lost: its owner opens the next.
 */
export class Session {
  readonly connection: RTCPeerConnection;
  readonly #signaling: Signaling;

  private constructor(connection: RTCPeerConnection, signaling: Signaling) {
    this.connection = connection;
    this.#signaling = signaling;
  }

  /**
   * Offers what `connection` has been given, and resolves when it is connected. It owns the connection from now on.
   * Throws Problem when the server refuses; nothing is left behind then, nor when `signal` aborts.
   */
  static async open(endpoint: Endpoint, connection: RTCPeerConnection, signal: AbortSignal): Promise<Session> {
    let session: Session | null = null;
    try {
      // The offer goes out before candidates are looked for: the answer may name the servers to look for them with,
      // and nobody waits for those that are not needed.
      const offer = await createOffer(connection);
      const response = await post(endpoint, offer.sdp, signal);
      const signaling = new Signaling(connection, response, await response.text(), endpoint.token);
      session = new Session(connection, signaling);
      const iceServers = iceServersOf(response.headers.get('link'));
      if (iceServers.length > 0) connection.setConfiguration({ iceServers });
      await connection.setLocalDescription(offer);
      await signaling.begin();
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
  async lost(signal: AbortSignal, shaky: (yes: boolean) => void): Promise<void> {
    shaky(false);
    for (;;) {
      await this.#until(Infinity, signal, () => this.#over() || this.#away());
      if (signal.aborted || this.#over()) return;
      shaky(true);
      if (!(await this.#heal(signal))) return;
      shaky(false);
    }
  }

  /** Whether the far side has ended the connection, and did not merely fall silent. */
  get ended(): boolean {
    return this.#transport?.state === 'closed';
  }

  /** Ends the session on the server (RFC 9725 4.2). It outlives the page, never rejects, and may be lost. */
  delete(): Promise<void> {
    return this.#signaling.delete();
  }

  /** Closes the connection without telling the server, which keeps a broadcast for a while. */
  close(): void {
    this.connection.close();
  }

  /** Brings a connection back whose path broke; false when that fails. */
  async #heal(signal: AbortSignal): Promise<boolean> {
    const settled = () => this.#over() || this.#connected();
    await this.#until(HEAL_LIMIT, signal, settled);
    for (let tries = 0; tries < RESTARTS && !signal.aborted && !settled(); tries++) {
      try {
        await this.#signaling.restart();
      } catch (error) {
        // The server knows the session no more, or cannot restart it: a new one is quicker.
        if (error instanceof Problem && error.final) return false;
      }
      await this.#until(RESTART_LIMIT, signal, settled);
    }
    return this.#connected();
  }

  #connected(): boolean {
    return !this.#over() && this.connection.connectionState === 'connected';
  }

  #away(): boolean {
    return ['disconnected', 'failed'].includes(this.connection.connectionState);
  }

  /** A server that closes says so by a DTLS alert; the connection's own state follows it 15 s later. */
  #over(): boolean {
    return this.ended || this.#transport?.state === 'failed' || this.connection.connectionState === 'closed';
  }

  get #transport(): RTCDtlsTransport | null {
    // Every transceiver has a sender, also one that only receives; all are bundled.
    for (const sender of this.connection.getSenders()) {
      if (sender.transport !== null) return sender.transport;
    }
    return null;
  }

  #until(limit: number, signal: AbortSignal, ready: () => boolean): Promise<void> {
    const events: [EventTarget, string][] = [[this.connection, 'connectionstatechange']];
    if (this.#transport !== null) events.push([this.#transport, 'statechange']);
    return until(events, limit, signal, ready);
  }
}

async function connected(connection: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  const settled = () => ['connected', 'failed', 'closed'].includes(connection.connectionState);
  await until([[connection, 'connectionstatechange']], CONNECT_LIMIT, signal, settled);
  signal.throwIfAborted();
  if (connection.connectionState !== 'connected') {
    throw new Error('no media connection: is the server\u2019s WebRTC port reachable from here?');
  }
}

/** Resolves when `ready` holds after one of the events, after `limit` milliseconds, or when `signal` aborts. */
function until(events: [EventTarget, string][], limit: number, signal: AbortSignal, ready: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const [target, event] of events) target.removeEventListener(event, look);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const look = () => {
      if (ready()) done();
    };
    const timer = limit === Infinity ? undefined : setTimeout(done, limit);
    for (const [target, event] of events) target.addEventListener(event, look);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
    else look();
  });
}

async function post({ url, token }: Endpoint, sdp: string, signal: AbortSignal): Promise<Response> {
  const headers = { ...bearer(token), 'Content-Type': 'application/sdp' };
  const response = await fetch(url, { method: 'POST', headers, body: sdp, signal });
  if (!response.ok) throw await problemOf(response);
  return response;
}
