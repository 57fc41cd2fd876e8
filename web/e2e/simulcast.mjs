// The studio sends smaller sizes beside the picture: the lists show them, HLS offers them, and viewers play.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { launch } from './chromium.mjs';
import { playMedia, untilState } from './playback.mjs';
import { Server } from './server.mjs';

const PATIENCE = 60_000;

let server;
let browser;

before(async () => {
  server = await Server.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

it('the studio sends layers, and viewers of each form play', async () => {
  const { studio: address } = await server.urls('demo', 'layers');
  const studio = await browser.newPage();
  await studio.goto(address);
  await studio.locator('#simulcast').check();
  await studio.locator('#go:enabled').click();
  await untilState(studio, 'live');
  assert.ok(await studio.locator('#simulcast').isDisabled(), 'layers cannot be changed while live');

  // How many of them a browser sends is a matter of its processor; the smallest comes always.
  const layers = await poll(async () => {
    const [stream] = await server.live();
    const found = stream?.tracks.filter((track) => track.layer) ?? [];
    return found.length >= 2 && found.some((track) => track.layer === 'q') ? found : null;
  });
  for (const track of layers) assert.equal(track.kind, 'video');
  const list = await (await fetch(`${server.origin}/live/demo/layers.m3u8`)).text();
  assert.match(list, /^layers\/main\.m3u8(\?|$)/m);

  for (const form of ['flv', 'hls']) {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/watch/demo/layers?form=${form}`);
    await untilState(page, 'playing');
    const result = await playMedia(page, 6);
    assert.equal(result.error, null, form);
    assert.ok(result.frames > 0 && result.width > 0 && result.audioBytes > 0, `${form}: ${result.frames} pictures`);
    await page.close();
  }
});

/** Asks until there is an answer. */
async function poll(ask) {
  const limit = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > limit) throw new Error('waited in vain');
    await new Promise((done) => setTimeout(done, 200));
  }
}
