// A publisher mutes, unplugs its camera, and is followed by others with other tracks: the watch page plays on, or comes
// back by itself, as FLV and as HLS.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { launch } from './chromium.mjs';
import { playMedia, untilState } from './playback.mjs';
import { Server } from './server.mjs';
import { installWhip } from './whip.mjs';

const PATIENCE = 60_000;
const AWAY = 4_000; // milliseconds for which a track is away
const FORMS = ['flv', 'hls'];

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

it('viewers play on without sound, and without pictures', async () => {
  const publisher = await publishing('mute', { video: true, audio: true });
  const viewers = await watching('mute');
  for (const kind of ['audio', 'video']) {
    const played = viewers.map((page) => playMedia(page, 11));
    await publisher.evaluate(unplug, kind);
    await publisher.waitForTimeout(AWAY);
    await publisher.evaluate(plugIn, kind);
    for (const [i, form] of FORMS.entries()) {
      const result = await played[i];
      assert.equal(result.error, null, form);
      assert.deepEqual(result.reasons, [], `${form}, without ${kind}`);
      assert.ok(result.audioBytes > 0 && result.frames > 0, `${form}: ${result.frames} pictures`);
    }
  }
  await close(publisher, ...viewers);
});

it('viewers play on when the picture turns', async () => {
  const publisher = await publishing('turn', { video: { width: 640, height: 360 }, audio: true });
  const viewers = await watching('turn');
  const played = viewers.map((page) => playMedia(page, 9));
  await publisher.evaluate(turn);
  for (const page of viewers) {
    await page.waitForFunction(() => document.querySelector('video').videoHeight > document.querySelector('video').videoWidth);
  }
  for (const [i, form] of FORMS.entries()) {
    const result = await played[i];
    assert.equal(result.error, null, form);
    // With all processors busy mpegts.js stands still at one change of size in ten; the page then opens the stream anew.
    assert.deepEqual(result.reasons.filter((r) => form !== 'flv' || !r.startsWith('nothing arrives')), [], form);
    assert.ok(result.audioBytes > 0 && result.frames > 0, `${form}: ${result.frames} pictures`);
  }
  await close(publisher, ...viewers);
});

it('viewers come back when another publisher has other tracks', async () => {
  let publisher = await publishing('take', { video: true, audio: true });
  const viewers = await watching('take');
  for (const tracks of [{ audio: true }, { video: true, audio: true }, { video: true }]) {
    const next = await publishing('take', tracks);
    await close(publisher);
    publisher = next;
    for (const page of viewers) await until(page, tracks.video === true);
  }
  await close(publisher, ...viewers);
});

/** A page that publishes the fake devices as a stream. */
async function publishing(stream, tracks) {
  const { studio } = await server.urls('changes', stream);
  const token = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
  const page = await browser.newPage();
  await page.goto(`${server.origin}/`);
  await page.evaluate(installWhip);
  const refused = await page.evaluate(publish, { endpoint: `${server.origin}/whip/changes/${stream}`, token, tracks });
  assert.equal(refused, '');
  return page;
}

/** Pages that play a stream, one in each form. */
async function watching(stream) {
  const pages = [];
  for (const form of FORMS) {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/watch/changes/${stream}?form=${form}`);
    await untilState(page, 'playing');
    pages.push(page);
  }
  return pages;
}

/** Waits until a page plays sound, and pictures or none, for some seconds on end. */
async function until(page, pictures) {
  const limit = Date.now() + PATIENCE;
  for (;;) {
    const before = await page.evaluate(decoded);
    await page.waitForTimeout(2_000);
    const now = await page.evaluate(decoded);
    if (now.time > before.time + 1 && now.audio > before.audio && now.frames > before.frames === pictures) return;
    assert.ok(Date.now() < limit, `${page.url()}: ${JSON.stringify([before, now])}, want pictures: ${pictures}`);
  }
}

async function close(...pages) {
  await Promise.all(pages.map((page) => page.close()));
}

/** Runs in the page: what was decoded so far. */
function decoded() {
  const video = document.querySelector('video');
  return {
    time: video.currentTime,
    audio: video.webkitAudioDecodedByteCount,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
  };
}

/** Runs in the page: publishes; returns why that was refused. */
async function publish({ endpoint, token, tracks }) {
  const media = await navigator.mediaDevices.getUserMedia(tracks);
  const pc = new RTCPeerConnection();
  globalThis.publisher = { pc, away: {} };
  for (const track of media.getTracks()) {
    const { sender } = pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    await sender.setParameters({ ...sender.getParameters(), degradationPreference: 'maintain-resolution' });
    track.contentHint = track.kind === 'video' ? 'detail' : '';
  }
  return globalThis.whip(pc, endpoint, token);
}

/** Runs in the page: sends nothing more of a track. */
async function unplug(kind) {
  const { pc, away } = globalThis.publisher;
  const sender = pc.getSenders().find((s) => s.track?.kind === kind);
  away[kind] = { sender, track: sender.track };
  await sender.replaceTrack(null);
}

/** Runs in the page: sends it again. */
async function plugIn(kind) {
  const { sender, track } = globalThis.publisher.away[kind];
  await sender.replaceTrack(track);
}

/** Runs in the page: sends an upright picture in place of the camera's. */
async function turn() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 360, height: 640 });
  const drawing = canvas.getContext('2d');
  let hue = 0;
  setInterval(() => {
    drawing.fillStyle = `hsl(${(hue += 3)} 80% 50%)`;
    drawing.fillRect(0, 0, 360, 640);
  }, 40);
  const [track] = canvas.captureStream(25).getVideoTracks();
  globalThis.publisher.upright = track;
  await globalThis.publisher.pc.getSenders().find((s) => s.track?.kind === 'video').replaceTrack(track);
}
