// WebRTC is what the watch page plays first: from a browser and from an encoder, while publishers come and go, and down to
// FLV where a broadcast cannot be had by it. Whoever leaves is counted no more.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import { launch } from './chromium.mjs';
import { playMedia, untilState } from './playback.mjs';
import { Server } from './server.mjs';
import { installWhip } from './whip.mjs';

const OUT = process.env.E2E_OUT || join(import.meta.dirname, 'out');
const SECONDS = 5; // of media that is looked at
const PATIENCE = 60_000;

let server;
let browser;
let context;
let encoder;

before(async () => {
  await mkdir(OUT, { recursive: true });
  server = await Server.start();
  browser = await launch();
  context = await browser.newContext();
  await context.addInitScript(installWhip);
  await context.addInitScript(listen);
});

afterEach(async () => {
  await Promise.all(context.pages().map((page) => page.close()));
  if (encoder !== undefined) {
    const exit = encoder.exitCode ?? encoder.signalCode ?? once(encoder, 'exit');
    encoder.kill('SIGKILL');
    await exit;
    encoder = undefined;
  }
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

it('the page plays WebRTC, and a viewer who leaves is counted no more', async () => {
  await publishing('cam', { video: true, audio: true });
  const viewer = await watching('cam');
  await viewer.locator('#unmute').click();
  const result = await playMedia(viewer, SECONDS);
  await viewer.screenshot({ path: join(OUT, 'watch-webrtc.png') });
  check(result, 'webrtc');
  assert.match(await viewer.locator('#stats').textContent(), /^WebRTC · \d+×\d+ · \d+ ms behind$/);
  await until('one viewer', async () => (await stream('cam')).viewers.webrtc === 1);

  await viewer.goto(`${server.origin}/`);
  await until('no viewer', async () => (await stream('cam')).viewers.webrtc === 0);
});

it('a broadcast by RTMP, in High profile with AAC, plays by WebRTC', async () => {
  await encoding('high', ['-profile:v', 'high', '-bf', '0']);
  const viewer = await watching('high');
  check(await playMedia(viewer, SECONDS), 'webrtc');
});

it('pictures in another order than they are shown in are played as FLV', async () => {
  await encoding('reordered', ['-profile:v', 'high', '-bf', '2', '-b_strategy', '0']);
  const viewer = await watching('reordered');
  const result = await playMedia(viewer, SECONDS);
  check(result, 'flv');
});

it('a viewer goes on when the publisher loads its page anew', async () => {
  const publisher = await publishing('again', { video: true, audio: true });
  const viewers = [await watching('again', 'webrtc'), await watching('again', 'flv')];
  for (const page of viewers) await plays(page, ['audio', 'video']);
  for (let n = 0; n < 2; n++) {
    // Nobody says goodbye: the server takes the next one for the same broadcast.
    await publisher.reload();
    await publish(publisher, 'again', { video: true, audio: true });
    for (const page of viewers) await plays(page, ['audio', 'video']);
  }
  assert.equal(await viewers[0].locator('video').getAttribute('data-form'), 'webrtc');
});

it('a viewer comes back when another publisher has other tracks', async () => {
  let publisher = await publishing('take', { video: true, audio: true });
  const viewer = await watching('take', 'webrtc');
  for (const tracks of [{ audio: true }, { video: true, audio: true }, { video: true }]) {
    const next = await publishing('take', tracks);
    await publisher.close();
    publisher = next;
    // Silence stands in for a sound that there was.
    await plays(viewer, tracks.video ? ['audio', 'video'] : ['audio']);
  }
});

/** A page that publishes the fake devices. */
async function publishing(name, tracks) {
  const page = await context.newPage();
  await page.goto(`${server.origin}/`);
  await publish(page, name, tracks);
  await until(name, async () => {
    const kinds = (await stream(name))?.tracks.map((t) => t.kind) ?? [];
    return Object.keys(tracks).every((kind) => kinds.includes(kind));
  });
  return page;
}

async function publish(page, name, tracks) {
  const { studio } = await server.urls('whep', name);
  const token = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
  assert.equal(await page.evaluate(send, { endpoint: `${server.origin}/whip/whep/${name}`, token, tracks }), '');
}

/** ffmpeg, which publishes a test picture and a tone by RTMP. */
async function encoding(name, options) {
  const { rtmp } = await server.urls('whep', name);
  const source = (what) => ['-re', '-f', 'lavfi', '-i', what];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '30', '-pix_fmt', 'yuv420p', ...options];
  const audio = ['-c:a', 'aac', '-b:a', '96k'];
  const args = ['-v', 'error', '-nostdin', ...source('testsrc=size=640x360:rate=30'), ...source('sine=frequency=440'), ...video, ...audio];
  encoder = spawn('ffmpeg', [...args, '-f', 'flv', rtmp], { stdio: ['ignore', 'ignore', 'inherit'] });
  await until(name, async () => (await stream(name))?.tracks.length === 2);
}

/** A page that plays a stream, in the form of its own choice or in this one. */
async function watching(name, form) {
  const page = await context.newPage();
  await page.goto(`${server.origin}/watch/whep/${name}${form ? `?form=${form}` : ''}`);
  await untilState(page, 'playing', PATIENCE);
  return page;
}

function check(result, form) {
  assert.equal(result.form, form);
  assert.equal(result.error, null);
  assert.deepEqual(result.reasons, []);
  assert.ok(result.frames >= 5 * SECONDS, `only ${result.frames} pictures`);
  assert.ok(result.loudness > 0.005, `silence: the loudest RMS is ${result.loudness}`);
}

/** Waits until a page plays media of these kinds, and no other, for some seconds on end. */
async function plays(page, kinds) {
  const seen = [];
  await until(`${page.url()} to play ${kinds}: ${JSON.stringify(seen)}`, async () => {
    const before = await page.evaluate(() => globalThis.decoded());
    await page.waitForTimeout(2_000);
    const now = await page.evaluate(() => globalThis.decoded());
    const moved = Object.keys(now).filter((kind) => now[kind] > before[kind]);
    seen.push(moved);
    return moved.join() === kinds.join();
  });
}

async function stream(name) {
  return (await server.live()).find((s) => s.stream === name);
}

async function until(what, ok) {
  const limit = Date.now() + PATIENCE;
  while (!(await ok())) {
    assert.ok(Date.now() < limit, `waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Runs in the page, before its scripts: makes the global decoded(), which counts pictures and sound, whatever the form. */
function listen() {
  const connections = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) {
      super(...options);
      connections.push(this);
    }
  };
  globalThis.decoded = async () => {
    const video = document.querySelector('video');
    const sum = { audio: video.webkitAudioDecodedByteCount, video: video.getVideoPlaybackQuality().totalVideoFrames };
    for (const connection of connections) {
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp' && entry.kind === 'audio') sum.audio += entry.totalSamplesReceived - entry.concealedSamples;
      }
    }
    return sum;
  };
}

/** Runs in the page: publishes the fake devices; returns why that was refused. */
async function send({ endpoint, token, tracks }) {
  const media = await navigator.mediaDevices.getUserMedia({ ...tracks, ...(tracks.video && { video: { width: 640, height: 360 } }) });
  const pc = new RTCPeerConnection();
  globalThis.pc = pc; // a connection that nobody holds may be collected
  for (const track of media.getTracks()) {
    const { sender } = pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    await sender.setParameters({ ...sender.getParameters(), degradationPreference: 'maintain-resolution' });
  }
  return globalThis.whip(pc, endpoint, token);
}
