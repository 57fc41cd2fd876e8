import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Problem } from './problem';
import { Session } from './session';
import { openWhep } from './whep';

const SESSION = 'http://h/whep/r/s/1';

class FakeTransport extends EventTarget {
  state = 'new';
}

/** As much of a peer connection as a session uses; it connects when it is answered. */
class FakeConnection extends EventTarget {
  static last: FakeConnection;
  static answered: Record<string, string> = {};
  static connects = true;
  readonly transport = new FakeTransport();
  readonly transceivers: { kind: string; direction: string; currentDirection: string | null; receiver: object; sender: object }[] = [];
  readonly calls: string[] = [];
  connectionState = 'new';
  signalingState = 'stable';
  localDescription = { sdp: '' };

  readonly configuration: RTCConfiguration;

  constructor(configuration: RTCConfiguration) {
    super();
    this.configuration = configuration;
    FakeConnection.last = this;
  }

  addTransceiver(kind: string, { direction }: { direction: string }) {
    const transceiver = { kind, direction, currentDirection: null, receiver: { track: Object.assign(new EventTarget(), { kind }) }, sender: { transport: this.transport } };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers = () => this.transceivers;
  getSenders = () => this.transceivers.map((t) => t.sender);

  async createOffer(options?: RTCOfferOptions) {
    const ufrag = options?.iceRestart ? 'two' : 'one';
    return { type: 'offer', sdp: `v=0\r\nm=audio 9 RTP 0\r\na=mid:0\r\na=ice-ufrag:${ufrag}\r\na=ice-pwd:${ufrag}-password\r\n` };
  }

  setConfiguration(configuration: RTCConfiguration) {
    this.calls.push(`ice ${JSON.stringify(configuration.iceServers)}`);
  }

  async setLocalDescription(description: { sdp: string }) {
    this.calls.push('local');
    this.localDescription = description;
  }

  async setRemoteDescription() {
    this.calls.push('remote');
    for (const transceiver of this.transceivers) transceiver.currentDirection = FakeConnection.answered[transceiver.kind] ?? 'recvonly';
    if (FakeConnection.connects) this.turn('connected');
  }

  turn(state: string) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }

  close() {
    this.connectionState = 'closed';
  }
}

class FakeStream {
  tracks: object[] = [];
  addTrack = (track: object) => this.tracks.push(track);
  removeTrack = (track: object) => this.tracks.splice(this.tracks.indexOf(track), 1);
}

interface Request {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  keepalive: boolean;
}

let requests: Request[];
let answers: Record<string, () => Response>;
let abort: AbortController;
const media = new FakeStream();
const more = vi.fn();
const open = (kinds: string[] = []) => openWhep({ url: 'http://h/whep/r/s?sign=x', token: '' }, media as unknown as MediaStream, kinds, more, abort.signal);
const methods = () => requests.map((request) => request.method);

beforeEach(() => {
  [requests, abort, media.tracks] = [[], new AbortController(), []];
  Object.assign(FakeConnection, { answered: {}, connects: true });
  answers = {
    POST: () => new Response('answer', { status: 201, headers: { Location: '/whep/r/s/1', ETag: '"1"', Link: '<stun:stun.h>; rel="ice-server"' } }),
    PATCH: () => new Response('a=ice-ufrag:new\r\na=ice-pwd:new-password\r\n', { status: 200, headers: { ETag: '"2"' } }),
    DELETE: () => new Response(null, { status: 200 }),
  };
  vi.stubGlobal('RTCPeerConnection', FakeConnection);
  vi.stubGlobal('fetch', async (url: string, { method = 'GET', headers, body, keepalive = false }: RequestInit) => {
    requests.push({ method, url, headers: headers as Record<string, string>, body: String(body), keepalive });
    const response = answers[method]?.() ?? new Response(null, { status: 405 });
    return Object.defineProperty(response, 'url', { value: url });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('WE-01, WE-07: offers to receive one of each, bundled', async () => {
  await open(['audio', 'video']);
  const connection = FakeConnection.last;
  expect(connection.transceivers.map((t) => `${t.kind} ${t.direction}`)).toEqual(['audio recvonly', 'video recvonly']);
  expect(connection.configuration.bundlePolicy).toBe('max-bundle');
  expect(requests).toMatchObject([{ method: 'POST', url: 'http://h/whep/r/s?sign=x', headers: { 'Content-Type': 'application/sdp' } }]);
  expect(media.tracks).toMatchObject([{ kind: 'audio' }, { kind: 'video' }]);
});

it('RFC 9725 4.6: takes the ICE servers before it looks for candidates', async () => {
  await open();
  expect(FakeConnection.last.calls).toEqual(['ice [{"urls":"stun:stun.h"}]', 'local', 'remote']);
});

it('plays what the server has', async () => {
  FakeConnection.answered = { audio: 'inactive' };
  await open();
  expect(media.tracks).toMatchObject([{ kind: 'video' }]);
  expect(methods()).toEqual(['POST']);
});

it('shows the kinds that there are, and tells of another one that comes', async () => {
  await open(['audio']);
  expect(media.tracks).toMatchObject([{ kind: 'audio' }]);
  expect(more).not.toHaveBeenCalled();
  const { track } = FakeConnection.last.transceivers[1]?.receiver as { track: EventTarget };
  track.dispatchEvent(new Event('unmute'));
  expect(more).toHaveBeenCalledOnce();
});

it('leaves when the server withholds a kind that the broadcast has', async () => {
  FakeConnection.answered = { video: 'inactive' };
  await expect(open(['audio', 'video'])).rejects.toThrow('the server does not send the video by WebRTC');
  expect(methods()).toEqual(['POST', 'DELETE']);
  expect(FakeConnection.last.connectionState).toBe('closed');
});

it('WE-02: says why it was refused, and when to come again', async () => {
  const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '2' };
  answers['POST'] = () => new Response('{"code":"no_stream"}', { status: 404, headers });
  const error: unknown = await open().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Problem);
  expect(error).toMatchObject({ status: 404, code: 'no_stream', retryAfter: 2_000 });
  expect(FakeConnection.last.connectionState).toBe('closed');
});

it('leaves nothing behind when it cannot connect', async () => {
  vi.useFakeTimers();
  FakeConnection.connects = false;
  const opened = expect(open()).rejects.toThrow('no media connection');
  await vi.advanceTimersByTimeAsync(10_000);
  await opened;
  expect(requests.at(-1)).toMatchObject({ method: 'DELETE', url: SESSION, keepalive: true });
  expect(FakeConnection.last.connectionState).toBe('closed');
});

it('leaves nothing behind when nobody waits any more', async () => {
  FakeConnection.connects = false;
  const opened = expect(open()).rejects.toThrow();
  await vi.waitFor(() => expect(FakeConnection.last.calls).toContain('remote'));
  abort.abort();
  await opened;
  expect(methods()).toEqual(['POST', 'DELETE']);
});

it('WE-05: a path that breaks is restarted', async () => {
  const session = await open();
  const shaky: boolean[] = [];
  let lost = false;
  const over = session.lost(abort.signal, (yes) => shaky.push(yes)).then(() => {
    lost = true;
  });
  vi.useFakeTimers();
  FakeConnection.last.turn('disconnected');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(requests.at(-1)).toMatchObject({ method: 'PATCH', url: SESSION, headers: { 'If-Match': '*' }, body: expect.stringContaining('a=ice-ufrag:two') });
  FakeConnection.last.turn('connected');
  await vi.advanceTimersByTimeAsync(0);
  expect([shaky, lost]).toEqual([[false, true, false], false]);

  answers['PATCH'] = () => new Response(null, { status: 404 });
  FakeConnection.last.turn('failed');
  await vi.advanceTimersByTimeAsync(1_000);
  await over;
  expect(session.ended).toBe(false);
});

it('is over when the server closes', async () => {
  const session = await open();
  const over = session.lost(abort.signal, () => {});
  FakeConnection.last.transport.state = 'closed';
  FakeConnection.last.transport.dispatchEvent(new Event('statechange'));
  await over;
  expect(session).toBeInstanceOf(Session);
  expect(session.ended).toBe(true);
});
