// A WHIP client of somebody else's in a real browser: Eyevinn's publishes, and ffmpeg judges what comes out.
// It sends its offer at once and its candidates after it (RFC 9725 4.3.2), and its page is of another origin.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { build } from 'vite';
import { launch } from './chromium.mjs';
import { checkDecodes } from './ffmpeg.mjs';
import { Server } from './server.mjs';

const SECONDS = 5; // of media that is looked at
const PATIENCE = 30_000;

let server;
let browser;
let elsewhere; // serves the client's page, which so is of another origin

before(async () => {
  elsewhere = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html>')).listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  server = await Server.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  elsewhere?.closeAllConnections();
  elsewhere?.close();
  await server?.stop();
});

for (const noTrickleIce of [false, true]) {
  it(`@eyevinn/whip-web-client publishes ${noTrickleIce ? 'without' : 'with'} trickle ICE`, async () => {
    const stream = noTrickleIce ? 'whole' : 'trickle';
    const { studio } = await server.urls('foreign', stream);
    const authkey = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${elsewhere.address().port}`);
    await page.addScriptTag({ content: await client() });
    const refused = [];
    page.on('response', (response) => {
      if (response.status() >= 400) refused.push(`${response.request().method()} ${response.status()}`);
    });
    const session = await page.evaluate(publish, { endpoint: `${server.origin}/whip/foreign/${stream}`, authkey, noTrickleIce });
    await live(stream);
    const media = `${server.origin}/live/foreign/${stream}`;
    await checkDecodes(`${media}.flv`, ['h264', 'aac'], SECONDS);
    await checkDecodes(`${media}.m3u8`, ['h264', 'opus'], SECONDS);
    await page.evaluate(() => globalThis.eyevinn.destroy());
    const gone = await fetch(session, { method: 'DELETE', headers: { Authorization: `Bearer ${authkey}` } });
    assert.equal(gone.status, 404, 'the client has deleted its session');
    assert.deepEqual(await server.live(), []);
    // Its PATCHes may be refused: it sends the entity tag in another field than If-Match.
    assert.deepEqual(refused.filter((r) => /^(POST|DELETE) /.test(r)), []);
    await page.close();
  });
}

/** The client as one script that makes the global eyevinnClient. */
async function client() {
  const entry = join(import.meta.dirname, '../node_modules/@eyevinn/whip-web-client/dist/whip-client.m.js');
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: false, lib: { entry, formats: ['iife'], name: 'eyevinnClient', fileName: 'client' } },
  }).then((result) => [result].flat());
  return output[0].code;
}

/** Runs in the page: publishes the fake devices and returns the session's URL. */
async function publish({ endpoint, authkey, noTrickleIce }) {
  const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true });
  const client = new globalThis.eyevinnClient.WHIPClient({ endpoint, opts: { authkey, noTrickleIce, iceServers: [] } });
  globalThis.eyevinn = client;
  await client.ingest(media);
  return client.getResourceUrl();
}

async function live(stream) {
  const limit = Date.now() + PATIENCE;
  while (!(await server.live()).some((s) => s.stream === stream && s.state === 'live')) {
    assert.ok(Date.now() < limit, `${stream} is not live`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
