import { afterEach, describe, expect, it, vi } from 'vitest';
import { Problem } from './problem';
import { Signaling } from './signaling';

const SESSION = 'https://weir.example/whip/room/cam/session';
const offer = (name: string) => `v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:${name}\r\na=ice-pwd:${name}-password\r\n`;

/** The part of a peer connection that signaling uses. */
class Connection extends EventTarget {
  signalingState = 'have-local-offer';
  localDescription = { sdp: offer('one') };
  remote: string[] = [];
  rolledBack = 0;

  async createOffer() {
    return { type: 'offer', sdp: offer('two') };
  }

  async setLocalDescription(description: { type: string; sdp?: string }) {
    if (description.type === 'rollback') {
      this.rolledBack++;
      this.signalingState = 'stable';
      return;
    }
    this.localDescription = { sdp: description.sdp ?? '' };
    this.signalingState = 'have-local-offer';
  }

  async setRemoteDescription({ sdp }: { sdp: string }) {
    this.remote.push(sdp);
    this.signalingState = 'stable';
  }

  find(candidate: string | null) {
    this.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate: candidate === null ? null : { candidate } }));
  }
}

interface Patch {
  tag: string;
  body: string;
  answer: (response: Response | Error) => void;
}

/** The server: each request waits until the test answers it. */
function server(): Patch[] {
  const patches: Patch[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    expect(url).toBe(SESSION);
    const headers = init.headers as Record<string, string>;
    expect(headers['Authorization']).toBe('Bearer token');
    return new Promise<Response>((resolve, reject) => {
      patches.push({
        tag: headers['If-Match'] ?? '',
        body: String(init.body),
        answer: (response) => (response instanceof Error ? reject(response) : resolve(response)),
      });
    });
  });
  return patches;
}

function open(tag: string | null = '"one"') {
  const connection = new Connection();
  const headers = new Headers({ location: '/whip/room/cam/session' });
  if (tag !== null) headers.set('etag', tag);
  const response = { headers, url: 'https://weir.example/whip/room/cam' } as Response;
  const signaling = new Signaling(connection as unknown as RTCPeerConnection, response, offer('server'), 'token');
  return { connection, signaling };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
const noContent = () => new Response(null, { status: 204 });

afterEach(() => vi.unstubAllGlobals());

describe('RFC 9725 4.3.2: trickle', () => {
  it('sends what is found, one request at a time, with the entity tag', async () => {
    const patches = server();
    const { connection } = open();
    connection.find('candidate:1');
    connection.find('candidate:2');
    connection.find(null);
    expect(patches.length).toBe(1);
    expect(patches[0]).toMatchObject({ tag: '"one"', body: expect.stringMatching(/^(?!.*candidate:2).*candidate:1\r\n$/s) });
    patches[0]?.answer(noContent());
    await settle();
    expect(patches.length).toBe(2);
    expect(patches[1]?.body).toMatch(/candidate:2\r\na=end-of-candidates\r\n$/);
    patches[1]?.answer(noContent());
    await settle();
    expect(patches.length).toBe(2);
  });

  it('stops when the server takes none', async () => {
    const patches = server();
    const { connection } = open();
    connection.find('candidate:1');
    patches[0]?.answer(new Response(null, { status: 405 }));
    await settle();
    connection.find('candidate:2');
    expect(patches.length).toBe(1);
  });

  it('sends nothing to a server that gave no entity tag', () => {
    const patches = server();
    open(null).connection.find('candidate:1');
    expect(patches.length).toBe(0);
  });
});

describe('RFC 9725 4.3.3: restart', () => {
  it('takes the new credentials, and trickles with the new tag', async () => {
    const patches = server();
    const { connection, signaling } = open();
    await signaling.begin();
    const restarted = signaling.restart();
    await settle();
    connection.find('candidate:3');
    expect(patches).toMatchObject([{ tag: '*', body: expect.stringContaining('a=ice-ufrag:two') }]);
    const reply = 'a=ice-ufrag:fresh\r\na=ice-pwd:fresh-password\r\n';
    patches[0]?.answer(new Response(reply, { status: 200, headers: { etag: '"two"' } }));
    await restarted;
    expect(connection.remote.at(-1)).toContain('a=ice-ufrag:fresh');
    expect(patches[1]).toMatchObject({ tag: '"two"', body: expect.stringContaining('candidate:3') });
  });

  it.each([
    ['refused', new Response(null, { status: 404 }), Problem],
    ['not heard', new TypeError('network'), TypeError],
    ['answered without credentials', new Response('', { status: 200 }), Error],
  ])('%s: leaves the session as it was', async (_, answer, error) => {
    const patches = server();
    const { connection, signaling } = open();
    await signaling.begin();
    const restarted = signaling.restart();
    await settle();
    patches[0]?.answer(answer);
    await expect(restarted).rejects.toBeInstanceOf(error);
    expect(connection).toMatchObject({ rolledBack: 1, signalingState: 'stable', remote: [offer('server')] });
    connection.find('candidate:4');
    expect(patches[1]?.tag).toBe('"one"');
  });
});
