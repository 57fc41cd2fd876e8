// RFC 9725 4.3 with a real browser, from a page of another origin: candidates are sent after the offer, and ICE is
// restarted twice while the media goes on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, it } from 'node:test';
import { launch } from './chromium.mjs';
import { Server } from './server.mjs';

const PATIENCE = 30_000;

let server;
let browser;
let elsewhere; // serves the publishing page

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

it('Chromium trickles, and restarts ICE without a gap in its session', async () => {
  const { studio } = await server.urls('foreign', 'restart');
  const token = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${elsewhere.address().port}`);
  await page.evaluate(client);
  const first = await page.evaluate((o) => globalThis.whip.publish(o), { endpoint: `${server.origin}/whip/foreign/restart`, token });
  assert.deepEqual([first.post, first.trickle], [201, 204]);
  assert.match(first.tag, /^"[^"]+"$/);
  await sends(page);
  await until('the stream', async () => (await server.live()).some((s) => s.state === 'live'));
  const began = (await server.live())[0].since;

  const seen = new Set([first.tag]);
  for (let n = 0; n < 2; n++) {
    const restart = await page.evaluate(() => globalThis.whip.restart());
    assert.equal(restart.status, 200);
    assert.match(restart.type, /^application\/trickle-ice-sdpfrag/);
    assert.equal(restart.stale, 412);
    assert.ok(!seen.has(restart.tag), 'the ICE session has a tag of its own');
    seen.add(restart.tag);
    await sends(page);
    const media = await fetch(`${server.origin}/live/foreign/restart.flv`);
    const reader = media.body.getReader();
    for (let bytes = 0; bytes < 100_000; ) bytes += (await reader.read()).value.length;
    await reader.cancel();
  }
  assert.deepEqual((await server.live()).map((s) => [s.state, s.since]), [['live', began]], 'it is the same stream');
  assert.equal(await page.evaluate(() => globalThis.whip.end()), 200);
  assert.deepEqual(await server.live(), []);
  await page.close();
});

/** Waits until the page's ICE is connected and the server reports that it receives. */
function sends(page) {
  return page.waitForFunction(() => globalThis.whip.sends(), undefined, { timeout: PATIENCE, polling: 200 });
}

async function until(what, ok) {
  const limit = Date.now() + PATIENCE;
  while (!(await ok())) {
    assert.ok(Date.now() < limit, `waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Runs in the page: makes a WHIP client, the global whip. */
function client() {
  const ICE = /^a=(ice-ufrag|ice-pwd|candidate|end-of-candidates)/;
  const lines = (sdp) => sdp.split('\r\n').filter(Boolean);
  const join = (all) => `${all.join('\r\n')}\r\n`;
  let pc;
  let session;
  let authorization;
  let tag;
  let answer;
  let packets = 0;

  const patch = (match, body) =>
    fetch(session, {
      method: 'PATCH',
      headers: { Authorization: authorization, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': match },
      body,
    });

  /** What the offer's first section says of ICE, once all candidates are known. */
  async function fragment() {
    while (pc.iceGatheringState !== 'complete') await new Promise((done) => setTimeout(done, 20));
    const all = lines(pc.localDescription.sdp);
    const from = all.findIndex((l) => l.startsWith('m='));
    const to = all.findIndex((l, i) => i > from && l.startsWith('m='));
    return join(all.slice(from, to < 0 ? undefined : to).filter((l) => ICE.test(l) || /^(m=|a=mid:)/.test(l)).concat('a=end-of-candidates'));
  }

  globalThis.whip = {
    async publish({ endpoint, token }) {
      authorization = `Bearer ${token}`;
      pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true });
      for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
      const offer = await pc.createOffer(); // without a candidate
      const post = await fetch(endpoint, { method: 'POST', headers: { Authorization: authorization, 'Content-Type': 'application/sdp' }, body: offer.sdp });
      await pc.setLocalDescription(offer);
      tag = post.headers.get('ETag');
      session = new URL(post.headers.get('Location'), endpoint).href;
      answer = await post.text();
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      const trickle = await patch(tag, await fragment());
      return { post: post.status, tag, trickle: trickle.status };
    },
    async restart() {
      packets = Number.MAX_SAFE_INTEGER; // sends begins to count anew
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      const response = await patch('*', await fragment());
      const ice = lines(await response.text()).filter((l) => ICE.test(l));
      const sdp = lines(answer)
        .filter((l) => !ICE.test(l))
        .flatMap((l) => (l.startsWith('a=mid:') ? [l, ...ice] : [l]));
      await pc.setRemoteDescription({ type: 'answer', sdp: join(sdp) });
      packets = 0;
      const old = tag;
      tag = response.headers.get('ETag');
      const stale = await patch(old, 'a=end-of-candidates\r\n');
      return { status: response.status, type: response.headers.get('Content-Type'), tag, stale: stale.status };
    },
    /** Whether ICE is connected and more packets were sent since it was asked last. */
    async sends() {
      if (pc.connectionState !== 'connected') return false;
      const stats = [...(await pc.getStats()).values()];
      const pair = stats.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
      const before = packets;
      packets = pair?.packetsSent ?? 0;
      return before > 0 && packets > before + 10;
    },
    async end() {
      const response = await fetch(session, { method: 'DELETE', headers: { Authorization: authorization } });
      pc.close();
      return response.status;
    },
  };
}
