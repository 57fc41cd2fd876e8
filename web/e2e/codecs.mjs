// A browser without H.264 publishes AV1 and VP9: ffmpeg judges what comes out as HLS, and the watch page plays it.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { launch } from './chromium.mjs';
import { checkDecodes } from './ffmpeg.mjs';
import { playMedia, untilState } from './playback.mjs';
import { Server } from './server.mjs';
import { installWhip } from './whip.mjs';

const SECONDS = 5; // of media that is looked at
const PATIENCE = 30_000;

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

for (const codec of ['av1', 'vp9']) {
  it(`${codec.toUpperCase()} from a browser plays`, async () => {
    const { studio } = await server.urls('codecs', codec);
    const token = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
    const publisher = await browser.newPage();
    await publisher.goto(`${server.origin}/`);
    await publisher.evaluate(installWhip);
    const refused = await publisher.evaluate(publish, { endpoint: `${server.origin}/whip/codecs/${codec}`, token, codec });
    assert.equal(refused, '');
    await live(codec);

    const hls = `${server.origin}/live/codecs/${codec}.m3u8`;
    await checkDecodes(hls, [codec, 'opus'], SECONDS);
    const flv = await fetch(`${server.origin}/live/codecs/${codec}.flv`);
    await flv.body.cancel().catch(() => {});
    assert.equal(flv.status, codec === 'vp9' ? 406 : 200);

    // VP9 has no place in FLV that a browser takes: the page then plays HLS.
    for (const form of ['flv', 'hls']) {
      const viewer = await browser.newPage();
      await viewer.goto(`${server.origin}/watch/codecs/${codec}?form=${form}`);
      await untilState(viewer, 'playing');
      const result = await playMedia(viewer, SECONDS);
      assert.equal(result.error, null, form);
      assert.deepEqual(result.reasons, [], form);
      // AV1 is encoded and decoded here without hardware: with all processors busy few pictures are left.
      assert.ok(result.frames > SECONDS, `${form}: ${result.frames} frames`);
      assert.ok(result.audioBytes > 0, form);
      assert.equal(result.width, 640, form);
      await viewer.close();
    }
    await publisher.close();
  });
}

/** Runs in the page: publishes the fake devices in one video codec; returns why that was refused. */
async function publish({ endpoint, token, codec }) {
  const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true });
  const pc = new RTCPeerConnection();
  globalThis.pc = pc; // a connection that nobody holds may be collected
  for (const track of media.getTracks()) {
    const { sender } = pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    const transceiver = pc.getTransceivers().find((t) => t.sender === sender);
    if (track.kind === 'video') {
      // Smaller pictures for want of CPU would be another size in the middle of what is looked at.
      track.contentHint = 'detail';
      const all = RTCRtpSender.getCapabilities('video').codecs;
      transceiver.setCodecPreferences(all.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`));
    }
  }
  return globalThis.whip(pc, endpoint, token);
}

// The tracks come one by one: sound is often there before the first picture.
async function live(stream) {
  const limit = Date.now() + PATIENCE;
  const wanted = [stream, 'opus'].sort().join();
  for (;;) {
    const found = (await server.live()).find((s) => s.stream === stream && s.state === 'live');
    const tracks = found?.tracks.map((t) => t.codec).sort().join();
    if (tracks === wanted) return;
    assert.ok(Date.now() < limit, `${stream} has the tracks ${tracks}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
