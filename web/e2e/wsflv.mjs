// A browser that gets no response piece by piece plays FLV by WebSocket, on the same address; and whoever watches is
// counted once, and no more when the page is gone.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { launch } from './chromium.mjs';
import { playMedia, untilState } from './playback.mjs';
import { Server } from './server.mjs';
import { installWhip } from './whip.mjs';

const SECONDS = 5; // of media that is looked at
const PATIENCE = 30_000;

let server;
let browser;
let publisher;

before(async () => {
  process.env.WEIR_LOG_LEVEL = 'debug'; // which tells of each request how it was answered
  server = await Server.start();
  browser = await launch();
  const { studio } = await server.urls('ws', 'cam');
  const token = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
  publisher = await browser.newPage();
  await publisher.goto(`${server.origin}/`);
  await publisher.evaluate(installWhip);
  assert.equal(await publisher.evaluate(publish, { endpoint: `${server.origin}/whip/ws/cam`, token }), '');
  await until(async () => (await stream())?.tracks.length === 2, 'the broadcast begins');
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

it('Chromium plays WS-FLV', async () => {
  const viewer = await browser.newPage();
  await viewer.addInitScript(() => delete globalThis.ReadableStream);
  await viewer.goto(`${server.origin}/watch/ws/cam?form=flv`);
  await untilState(viewer, 'playing');
  const result = await playMedia(viewer, SECONDS);
  assert.equal(result.error, null);
  assert.deepEqual(result.reasons, []);
  assert.ok(result.frames > SECONDS * 5, `${result.frames} pictures`);
  assert.ok(result.audioBytes > 0, 'no sound was decoded');
  assert.equal(await viewer.locator('video').getAttribute('data-form'), 'flv');
  await viewer.close();
  await until(() => /cam\.flv.*\b101\b/.test(server.log), 'the server spoke WebSocket'); // it tells at the end
});

for (const form of ['flv', 'hls']) {
  it(`a viewer by ${form} is counted until the page is gone`, async () => {
    const viewer = await browser.newPage();
    await viewer.goto(`${server.origin}/watch/ws/cam?form=${form}`);
    await untilState(viewer, 'playing');
    await until(async () => (await stream()).watching === 1, 'one watches');
    assert.equal((await stream()).viewers[form], 1);
    await viewer.close({ runBeforeUnload: false });
    await until(async () => (await stream()).watching === 0, 'nobody watches');
  });
}

async function stream() {
  return (await server.live()).find((s) => s.stream === 'cam');
}

async function until(happened, what) {
  const limit = Date.now() + PATIENCE;
  while (!(await happened())) {
    assert.ok(Date.now() < limit, `never: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Runs in the page: publishes the fake devices; returns why that was refused. */
async function publish({ endpoint, token }) {
  const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true });
  const pc = new RTCPeerConnection();
  globalThis.pc = pc; // a connection that nobody holds may be collected
  for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
  return globalThis.whip(pc, endpoint, token);
}
