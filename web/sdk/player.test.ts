import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine, EngineOptions } from './engine';
import type { Form } from './form';
import { Player, type PlayerState } from './player';
import { Problem } from './problem';

/** What the engine of a form does when it is opened; it plays on until finished if it says nothing else. */
type Script = (engine: FakeEngine) => void;

class FakeEngine implements Engine {
  readonly form: Form;
  readonly options: EngineOptions;
  readonly over: Promise<Error | null>;
  finish: (error: Error | null) => void = () => {};
  moving = true;
  closed = false;
  #position = 0;

  constructor(form: Form, options: EngineOptions) {
    this.form = form;
    this.options = options;
    this.over = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  position(): number {
    return this.moving ? ++this.#position : this.#position;
  }

  delay(): Promise<number> {
    return Promise.resolve(0.25);
  }

  close(): void {
    this.closed = true;
  }
}

const world = vi.hoisted(() => ({
  engines: [] as FakeEngine[],
  scripts: {} as Partial<Record<Form, Script>>,
  live: [] as unknown[],
}));

vi.mock('./engine', () => ({
  openEngine: async (form: Form, options: EngineOptions) => {
    const engine = new FakeEngine(form, options);
    world.engines.push(engine);
    world.scripts[form]?.(engine);
    return engine;
  },
}));

const BROADCAST = { room: 'r', stream: 's', state: 'live', tracks: [{ kind: 'video', codec: 'h264' }], viewers: {} };
const dead: Script = (engine) => {
  engine.moving = false;
};
const failing = (error: Error | null): Script => (engine) => engine.finish(error);

let states: PlayerState[];
let reasons: string[];
let player: Player;

function play(choice: 'auto' | Form = 'auto'): void {
  player = new Player({
    video: { paused: false, play: () => Promise.resolve(), buffered: [] } as unknown as HTMLVideoElement,
    origin: 'http://h',
    name: { room: 'r', stream: 's' },
    query: 'sign=x',
    choice,
    onForm: () => {},
    onState: (state, reason) => {
      states.push(state);
      reasons.push(reason);
    },
    onTracks: () => {},
    onBlocked: () => {},
  });
  player.start();
}

const forms = () => world.engines.map((engine) => engine.form);
const seconds = (n: number) => vi.advanceTimersByTimeAsync(n * 1_000);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  [states, reasons] = [[], []];
  Object.assign(world, { engines: [], scripts: {}, live: [BROADCAST] });
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ streams: world.live })));
  vi.stubGlobal('RTCPeerConnection', class {});
  vi.stubGlobal('MediaSource', Object.assign(class {}, { isTypeSupported: () => true }));
});

afterEach(() => {
  player.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('forms', () => {
  it('plays WebRTC where it works', async () => {
    play();
    await seconds(60);
    expect(forms()).toEqual(['webrtc']);
    expect(states).toEqual(['connecting', 'playing']);
    expect(await player.delay()).toBe(0.25);
  });

  it('goes down at once when a form is refused', async () => {
    world.scripts = { webrtc: failing(new Problem('no WHEP here', 404, '')), flv: failing(new Error('FLV: 403')) };
    play();
    await seconds(1);
    expect(forms()).toEqual(['webrtc', 'flv', 'hls']);
    expect(states.at(-1)).toBe('playing');
    expect(states).not.toContain('interrupted');
    expect(world.engines.map((engine) => engine.closed)).toEqual([true, true, false]);
  });

  it('goes down when a form does not come up within its time', async () => {
    world.scripts = { webrtc: dead, flv: dead };
    play();
    await seconds(8);
    expect(forms()).toEqual(['webrtc', 'flv']);
    await seconds(10);
    expect(forms()).toEqual(['webrtc', 'flv', 'hls']);
  });

  it('waits for a form while the publisher is away', async () => {
    world.live = [{ ...BROADCAST, state: 'interrupted' }];
    world.scripts = { webrtc: dead };
    play();
    await seconds(30);
    expect(forms()).toEqual(['webrtc']);
    expect(states.at(-1)).toBe('interrupted');
  });

  it('begins anew behind the last one, with pauses', async () => {
    const refused = failing(new Error('no'));
    world.scripts = { webrtc: refused, flv: refused, hls: refused };
    play();
    await seconds(0.5);
    expect(forms()).toEqual(['webrtc', 'flv', 'hls']);
    expect([states.at(-1), reasons.at(-1)]).toEqual(['interrupted', 'no']);
    await seconds(1);
    expect(forms()).toHaveLength(6);
    await seconds(1.4);
    expect(forms()).toHaveLength(6);
  });

  it('begins with the chosen one, and again when another is chosen', async () => {
    play('flv');
    await seconds(1);
    player.choose('hls');
    await seconds(1);
    expect(forms()).toEqual(['flv', 'hls']);
    expect(world.engines[0]?.closed).toBe(true);
  });

  it('opens what has played in the same form when it breaks', async () => {
    play();
    await seconds(20);
    world.engines[0]?.finish(new Error('the connection was lost'));
    await seconds(5);
    expect(forms()).toEqual(['webrtc', 'webrtc']);
    expect(states).toEqual(['connecting', 'playing', 'interrupted', 'connecting', 'playing']);
  });

  it('opens what stands still while the broadcast lives', async () => {
    play();
    await seconds(20);
    for (const engine of world.engines) engine.moving = false;
    await seconds(20);
    expect(forms()).toEqual(['webrtc', 'webrtc']);
    expect(reasons).toContain('nothing arrives by WebRTC');
    expect(states.at(-1)).toBe('playing');
  });

  it('tries all forms of the next broadcast', async () => {
    world.scripts = { webrtc: failing(new Error('no')) };
    play();
    await seconds(20);
    expect(forms()).toEqual(['webrtc', 'flv']);
    world.live = [];
    world.engines[1]?.finish(null);
    await seconds(5);
    expect(states.at(-1)).toBe('ended');
    Object.assign(world, { scripts: {}, live: [BROADCAST] });
    await seconds(5);
    expect(forms()).toEqual(['webrtc', 'flv', 'webrtc']);
    expect(states.at(-1)).toBe('playing');
  });
});

it('comes back when the server says: RFC 9110 10.2.3', async () => {
  world.scripts = { webrtc: failing(new Problem('nobody publishes', 404, 'no_stream', 3_000)) };
  play();
  await seconds(2.9);
  expect(forms()).toEqual(['webrtc']);
  expect(reasons.at(-1)).toBe('nobody publishes');
  await seconds(0.2);
  expect(forms()).toEqual(['webrtc', 'webrtc']);
});

it('tries no other form when the viewer is not let in', async () => {
  world.scripts = { webrtc: failing(new Problem('the signature has expired', 401, 'token_expired')) };
  play();
  await seconds(2);
  expect(forms()).toEqual(['webrtc', 'webrtc']);
  expect(reasons.at(-1)).toBe('the signature has expired');
});

it('is one viewer to the server, whatever it plays', async () => {
  world.scripts = { webrtc: failing(new Error('no')) };
  play();
  await seconds(1);
  const [webrtc, flv] = world.engines.map((engine) => new URL(engine.options.url));
  expect(webrtc?.pathname).toBe('/whep/r/s');
  expect(webrtc?.searchParams.get('sign')).toBe('x');
  expect(webrtc?.searchParams.get('viewer')).toMatch(/^[0-9a-f]{32}$/);
  expect(webrtc?.searchParams.get('pictures')).toBe('all');
  expect(flv?.searchParams.get('viewer')).toBe(webrtc?.searchParams.get('viewer'));
  expect(flv?.searchParams.get('pictures')).toBe(null);
  expect(world.engines[0]?.options.kinds).toEqual(['video']);
});
