// Glass to glass: a page publishes 720p30 with a clock in the picture, the watch page plays it in each form, and the
// delay is read from what it shows. Times are printed, never asserted: they measure the machine as well.
//   GLASS_SECONDS=20 GLASS_JSON=glass.json node --test e2e/glass.mjs
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { after, before, it } from 'node:test';
import { launch } from './chromium.mjs';
import { installClock } from './clock.mjs';
import { untilState } from './playback.mjs';
import { Server } from './server.mjs';
import { installWhip } from './whip.mjs';

const FORMS = ['webrtc', 'flv', 'hls'];
/** How long each form is looked at, and for how long before that it may settle. */
const SECONDS = Number(process.env.GLASS_SECONDS || 5);
const SETTLE = SECONDS < 10 ? 2 : 5;
const PATIENCE = 60_000;

let server;
let browser;
let context;
let publisher;
const rows = [];

before(async () => {
  server = await Server.start();
  browser = await launch();
  context = await browser.newContext();
  await context.addInitScript(installClock);
  publisher = await context.newPage();
  const { studio } = await server.urls('glass', 'clock');
  const token = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
  await publisher.goto(`${server.origin}/`);
  await publisher.evaluate(installWhip);
  assert.equal(await publisher.evaluate(publish, { endpoint: `${server.origin}/whip/glass/clock`, token }), '');
  const limit = Date.now() + PATIENCE;
  while ((await server.live()).find((s) => s.state === 'live')?.tracks.length !== 2) {
    assert.ok(Date.now() < limit, 'the broadcast does not begin');
    await publisher.waitForTimeout(100);
  }
});

after(async () => {
  await browser?.close();
  await server?.stop();
  console.table(Object.fromEntries(rows.map(({ form, ...row }) => [form, row])));
  if (process.env.GLASS_JSON) await writeFile(process.env.GLASS_JSON, `${JSON.stringify(report(), null, 2)}\n`);
});

for (const form of FORMS) {
  it(`${form}: pictures come and move`, async () => {
    const page = await context.newPage();
    await page.addInitScript(watch);
    await page.goto(`${server.origin}/watch/glass/clock?form=${form}`);
    await untilState(page, 'playing', PATIENCE);
    await page.waitForTimeout(SETTLE * 1_000);
    const from = await page.evaluate(() => globalThis.seen.ages.length);
    await page.waitForTimeout(SECONDS * 1_000);
    const { began, seen, played } = await page.evaluate(result);
    await page.close();

    assert.equal(played, form);
    const ages = seen.ages.slice(from);
    assert.ok(ages.length >= SECONDS, `only ${ages.length} pictures in ${SECONDS} s, ${seen.unreadable} of no use`);
    assert.ok(new Set(seen.drawn).size >= SECONDS, 'the picture stands still');
    rows.push({
      form,
      'p50 ms': percentile(ages, 50),
      'p95 ms': percentile(ages, 95),
      'first picture ms': Math.round(seen.first - began),
      'of the page ms': Math.round(seen.first),
      'pictures/s': Math.round(ages.length / SECONDS),
      load: Number(loadavg()[0].toFixed(1)),
    });
  });
}

function report() {
  return { seconds: SECONDS, processor: cpus()[0]?.model, cores: cpus().length, browser: browser.version(), rows };
}

/** Nearest rank. */
function percentile(values, p) {
  return values.toSorted((a, b) => a - b)[Math.ceil((p / 100) * values.length) - 1];
}

/** Runs in the publishing page. */
async function publish({ endpoint, token }) {
  const media = globalThis.pictureClock.draw(1_280, 720, 30).captureStream(30);
  const sound = new AudioContext();
  const out = sound.createMediaStreamDestination();
  const tone = new OscillatorNode(sound, { frequency: 440 });
  tone.connect(new GainNode(sound, { gain: 0.1 })).connect(out);
  tone.start();
  media.addTrack(out.stream.getAudioTracks()[0]);
  const pc = new RTCPeerConnection();
  Object.assign(globalThis, { pc, sound }); // what nobody holds may be collected
  for (const track of media.getTracks()) {
    const { sender } = pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    if (track.kind !== 'video') continue;
    const parameters = sender.getParameters();
    parameters.encodings[0].maxBitrate = 2_500_000;
    await sender.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' });
  }
  return globalThis.whip(pc, endpoint, token);
}

/** Runs in the viewing page, before its scripts: notes when the player begins, and what it shows. */
function watch() {
  document.addEventListener('DOMContentLoaded', () => {
    const root = document.querySelector('#root');
    globalThis.began = 0;
    new MutationObserver(() => {
      if (root.dataset.state === 'connecting') globalThis.began ||= performance.now();
    }).observe(root, { attributes: true, attributeFilter: ['data-state'] });
    globalThis.seen = globalThis.pictureClock.watch(document.querySelector('video'));
  });
}

/** Runs in the viewing page. */
function result() {
  return { began: globalThis.began, seen: globalThis.seen, played: document.querySelector('video').dataset.form };
}
