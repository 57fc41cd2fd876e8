import { fragment, restartedAnswer } from './fragment';
import { createOffer } from './offer';
import { problemOf } from './problem';

const FRAGMENT = 'application/trickle-ice-sdpfrag';
/** How long one request to the session may take, in milliseconds. */
const REQUEST_LIMIT = 3_000;

/**
 * The HTTP side of a WHIP or WHEP session after its 201: candidates as they are found (trickle), ICE restarts and the
 * goodbye. It holds the entity tag of the ICE session (RFC 9725 4.3.1).
 */
export class Signaling {
  readonly #connection: RTCPeerConnection;
  readonly #url: string;
  readonly #token: string;
  #answer: string;
  /** null when the server takes no candidates. */
  #tag: string | null;
  #found: string[] = [];
  #complete = false;
  #sending = false;

  /** `answer` is the body of `response`, the 201 that opened the session. */
  constructor(connection: RTCPeerConnection, response: Response, answer: string, token: string) {
    this.#connection = connection;
    this.#url = locationOf(response);
    this.#token = token;
    this.#answer = answer;
    this.#tag = response.headers.get('etag');
    connection.addEventListener('icecandidate', (event) => this.#find(event.candidate));
  }

  /** Takes the answer; candidates that are found from now on go to the server. */
  async begin(): Promise<void> {
    await this.#connection.setRemoteDescription({ type: 'answer', sdp: this.#answer });
  }

  /**
   * Restarts ICE (RFC 9725 4.3.3): new credentials and candidates for the same session. Throws Problem when the
   * server refuses; the session is then as it was.
   */
  async restart(): Promise<void> {
    const connection = this.#connection;
    const offer = await createOffer(connection, { iceRestart: true });
    const tag = this.#tag;
    this.#tag = null; // what is found from here on belongs to the new ICE session
    this.#found = [];
    this.#complete = false;
    await connection.setLocalDescription(offer);
    try {
      const response = await this.#patch('*', fragment(offer.sdp, [], false));
      if (!response.ok) throw await problemOf(response);
      this.#answer = restartedAnswer(this.#answer, await response.text());
      await this.begin();
      this.#tag = response.headers.get('etag');
    } catch (error) {
      this.#tag = tag;
      if (connection.signalingState === 'have-local-offer') await connection.setLocalDescription({ type: 'rollback' });
      throw error;
    }
    void this.#send();
  }

  /** Ends the session on the server (RFC 9725 4.2). It outlives the page, never rejects, and may be lost. */
  async delete(): Promise<void> {
    await fetch(this.#url, { method: 'DELETE', keepalive: true, headers: bearer(this.#token) }).catch(() => {});
  }

  #find(candidate: RTCIceCandidate | null): void {
    if (candidate === null) this.#complete = true;
    else if (candidate.candidate !== '') this.#found.push(candidate.candidate);
    void this.#send();
  }

  /** Sends what was found, one request at a time. A server that learns nothing may still see the checks arrive. */
  async #send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#tag !== null && (this.#found.length > 0 || this.#complete)) {
        const last = this.#complete;
        const found = this.#found.splice(0);
        this.#complete = false;
        const tag = this.#tag;
        const response = await this.#patch(tag, fragment(this.#connection.localDescription?.sdp ?? '', found, last));
        if (!response.ok && this.#tag === tag) this.#tag = null;
      }
    } catch {
      // The network is away: a restart will follow.
    } finally {
      this.#sending = false;
    }
  }

  #patch(tag: string, body: string): Promise<Response> {
    const headers = { ...bearer(this.#token), 'Content-Type': FRAGMENT, 'If-Match': tag };
    return fetch(this.#url, { method: 'PATCH', headers, body, signal: AbortSignal.timeout(REQUEST_LIMIT) });
  }
}

// RFC 9725 4.2: the session's URL may be relative to the endpoint's.
function locationOf(response: Response): string {
  const location = response.headers.get('location');
  if (location === null) throw new Error('the server gave no session URL');
  return new URL(location, response.url).href;
}

/** The header that carries a token, if there is one. */
export function bearer(token: string): Record<string, string> {
  return token === '' ? {} : { Authorization: `Bearer ${token}` };
}
