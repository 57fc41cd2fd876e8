// The main job with a real server and a real browser: one page publishes, another one plays it in each form.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { launch } from './chromium.mjs';
import { playMedia, untilState } from './playback.mjs';
import { Server } from './server.mjs';

const OUT = process.env.E2E_OUT || join(import.meta.dirname, 'out');
const LONG = 15; // seconds of media
const SHORT = 4;
const TONE = 440; // Hz, of the test picture
const VIEWPORTS = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

let server;
let browser;
let context;
/** What pages threw or logged as errors; each test that plays ends with it empty. */
let complaints = [];

before(async () => {
  await mkdir(OUT, { recursive: true });
  server = await Server.start();
  browser = await launch();
  context = await browser.newContext({ viewport: VIEWPORTS.wide });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
});

after(async () => {
  await browser?.close();
  try {
    await server?.stop();
  } finally {
    await writeFile(join(OUT, 'server.log'), server?.log ?? '');
  }
});

describe('camera and microphone', () => {
  const name = 'cam';
  let studio;
  let viewer;

  it('the front page says how to begin when nothing is live', async () => {
    const page = await open('/');
    await untilState(page, 'empty');
    await screenshot(page, 'index-empty');
    await page.close();
  });

  it('a viewer who comes early waits', async () => {
    viewer = await open(`/watch/demo/${name}?form=flv`);
    await untilState(viewer, 'waiting');
    await screenshot(viewer, 'watch-waiting');
  });

  it('the studio goes live in H.264 and Opus', async () => {
    studio = await openStudio(name);
    assert.doesNotMatch(studio.url(), /usersig/, 'the token must leave the address bar');
    await goLive(studio);
    await studio.locator('#stats', { hasText: /bit\/s · .* fps · (H\.264 · Opus|Opus · H\.264)/ }).waitFor();
    await screenshot(studio, 'studio-live');
  });

  it('GET /live and the front page list it', async () => {
    const [stream] = await server.live();
    assert.equal(`${stream.room}/${stream.stream} ${stream.state}`, `demo/${name} live`);
    assert.deepEqual(stream.tracks.map((t) => t.kind).sort(), ['audio', 'video']);
    const page = await open('/');
    await untilState(page, 'live');
    await page.getByRole('link', { name: `demo / ${name}` }).waitFor();
    await screenshot(page, 'index-live');
    await page.close();
  });

  it(`FLV plays ${LONG} s with picture and sound`, async () => {
    await viewer.bringToFront();
    await untilState(viewer, 'playing');
    assert.equal(await viewer.locator('video').getAttribute('data-form'), 'flv');
    await viewer.locator('#unmute').click();
    const result = await playMedia(viewer, LONG);
    await screenshot(viewer, 'watch-flv');
    checkPicture(result, LONG);
    checkSound(result);
  });

  it(`HLS, chosen on the page, plays ${LONG} s with picture and sound`, async () => {
    await viewer.getByRole('radio', { name: 'HLS' }).check();
    await viewer.waitForURL('**?form=hls');
    await untilState(viewer, 'playing');
    const result = await playMedia(viewer, LONG);
    await screenshot(viewer, 'watch-hls');
    checkPicture(result, LONG);
    checkSound(result);
  });

  it('stopping ends it everywhere', async () => {
    const flv = await open(`/watch/demo/${name}?form=flv`);
    await untilState(flv, 'playing');
    complaints = [];
    await studio.locator('#stop').click();
    await untilState(studio, 'ended');
    await untilState(flv, 'ended');
    await viewer.bringToFront();
    await untilState(viewer, 'ended');
    await screenshot(viewer, 'watch-ended');
    assert.deepEqual(await server.live(), []);
    await Promise.all([studio, flv, viewer].map((page) => page.close()));
  });
});

describe('other sources', () => {
  // A broadcast that a failed test left behind would slow down the next one.
  afterEach(() => Promise.all(context.pages().map((page) => page.close())));

  it('the test picture plays with its tone', async () => {
    const studio = await openStudio('test');
    await studio.getByRole('radio', { name: 'Test picture' }).check();
    await goLive(studio);
    await screenshot(studio, 'studio-test');
    for (const form of ['webrtc', 'flv', 'hls']) {
      const result = await watchShort('test', form);
      checkPicture(result, SHORT);
      checkSound(result);
      assert.ok(Math.abs(result.pitch - TONE) < 12, `${form}: the tone is ${result.pitch} Hz`);
    }
    await stop(studio);
  });

  it('sound alone plays', async () => {
    const studio = await openStudio('sound');
    await studio.locator('#camera').selectOption('none');
    await goLive(studio);
    for (const form of ['webrtc', 'flv', 'hls']) {
      const result = await watchShort('sound', form);
      checkSound(result);
      assert.equal(result.width, 0, form);
    }
    await stop(studio);
  });

  it('picture alone plays', async () => {
    const studio = await openStudio('picture');
    await studio.locator('#microphone').selectOption('none');
    await goLive(studio);
    for (const form of ['webrtc', 'flv', 'hls']) checkPicture(await watchShort('picture', form), SHORT);
    await stop(studio);
  });
});

it('a refused broadcast says why', async () => {
  const page = await open('/studio#room=demo&stream=refused&usersig=forged');
  await page.locator('#go:enabled').click();
  await untilState(page, 'ended');
  assert.notEqual(await page.locator('#error').textContent(), '');
  await screenshot(page, 'studio-refused');
  assert.equal((await server.live()).find((s) => s.stream === 'refused'), undefined);
  await page.close();
});

async function open(path) {
  const page = await context.newPage();
  await page.goto(server.origin + path);
  return page;
}

async function openStudio(stream) {
  const { studio } = await server.urls('demo', stream);
  const page = await context.newPage();
  await page.goto(studio);
  return page;
}

async function goLive(studio) {
  // A change of the source disables nothing: its result shows in the preview.
  await studio.waitForFunction(wantedTracksArePreviewed);
  complaints = [];
  await studio.locator('#go:enabled').click();
  await untilState(studio, 'live');
}

/** Runs in the studio. */
function wantedTracksArePreviewed() {
  const value = (selector) => document.querySelector(selector).value;
  const media = document.querySelector('#preview').srcObject;
  const test = document.querySelector('input[value="test"]').checked;
  if (!media) return false;
  const picture = test || value('#camera') !== 'none';
  const sound = test || value('#microphone') !== 'none';
  const isCanvas = media.getVideoTracks()[0] instanceof CanvasCaptureMediaStreamTrack;
  return media.getVideoTracks().length === Number(picture) && media.getAudioTracks().length === Number(sound) && isCanvas === test;
}

async function stop(studio) {
  await studio.locator('#stop').click();
  await untilState(studio, 'ended');
}

async function watchShort(stream, form) {
  const page = await open(`/watch/demo/${stream}?form=${form}`);
  await untilState(page, 'playing');
  assert.equal(await page.locator('video').getAttribute('data-form'), form);
  const result = await playMedia(page, SHORT);
  await screenshot(page, `watch-${stream}-${form}`);
  await page.close();
  return result;
}

function checkPicture(result, seconds) {
  // 5 pictures a second prove that they move; how many more a loaded machine shows is not the point here.
  assert.ok(result.frames >= 5 * seconds, `only ${result.frames} pictures in ${seconds} s`);
  assert.ok(result.width > 0, 'no picture');
  checkPlayer(result);
}

function checkSound(result) {
  // Of a stream the element does not count what was decoded.
  assert.ok(result.form === 'webrtc' || result.audioBytes > 0, 'no sound was decoded');
  assert.ok(result.loudness > 0.005, `silence: the loudest RMS is ${result.loudness}`);
  checkPlayer(result);
}

function checkPlayer(result) {
  assert.equal(result.error, null);
  assert.deepEqual(result.reasons, []);
  assert.deepEqual(complaints, []);
  assert.ok(result.readyState >= 2, `readyState ${result.readyState}`);
}

async function screenshot(page, name) {
  for (const [kind, viewport] of Object.entries(VIEWPORTS)) {
    await page.setViewportSize(viewport);
    await page.screenshot({ path: join(OUT, `${name}-${kind}.png`) });
  }
  await page.setViewportSize(VIEWPORTS.wide);
}
