// Where playing is signed: the pages play by what their links bring, and by nothing else, until it expires.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launch } from './chromium.mjs';
import { checkDecodes } from './ffmpeg.mjs';
import { playMedia, untilState } from './playback.mjs';
import { Server } from './server.mjs';

const SHORT = 6; // seconds of media
const PATIENCE = 60_000;

describe('signed playing', () => {
  let server;
  let browser;
  let context;
  let links;

  before(async () => {
    server = await Server.start({ WEIR_AUTH_PLAY: 'signed' });
    browser = await launch();
    context = await browser.newContext();
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function open(url) {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  it('the studio publishes and shows signed links', async () => {
    const { studio } = await server.urls('demo', 'cam');
    const page = await open(studio);
    await page.waitForFunction(() => document.querySelector('#preview').srcObject?.getTracks().length === 2);
    await page.locator('#go:enabled').click();
    await untilState(page, 'live');
    await page.waitForFunction(() => document.querySelector('#link-watch').value.includes('#sign='));
    links = await page.evaluate(() => ({
      watch: document.querySelector('#link-watch').value,
      flv: document.querySelector('#link-flv').value,
      hls: document.querySelector('#link-hls').value,
    }));
    for (const url of [links.flv, links.hls]) assert.match(url, /\?sign=w1\./);
  });

  for (const form of ['flv', 'hls']) {
    it(`the link plays as ${form}`, async () => {
      const page = await open(links.watch.replace('#', `?form=${form}#`));
      await untilState(page, 'playing');
      assert.equal(await page.locator('video').getAttribute('data-form'), form);
      const result = await playMedia(page, SHORT);
      assert.ok(result.frames >= 5 * SHORT, `only ${result.frames} pictures`);
      assert.ok(result.loudness > 0.001, 'silence');
      await page.close();
    });
  }

  it('ffmpeg plays what the studio shows', async () => {
    await checkDecodes(links.flv, ['h264', 'aac'], SHORT);
    await checkDecodes(links.hls, ['h264', 'opus'], SHORT);
  });

  it('a studio link for one use publishes once', async () => {
    const { studio } = await server.urls('demo', 'guest');
    const usersig = new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
    const answer = await fetch(`${server.origin}/api/v1/streams/demo/guest/urls?once=1`, { headers: { Authorization: `Bearer ${usersig}` } });
    const { publish } = await answer.json();
    assert.doesNotMatch(publish.studio, /usersig/);
    const goLive = async () => {
      const page = await open(publish.studio);
      assert.doesNotMatch(page.url(), /sign=/, 'the signature must leave the address bar');
      await page.waitForFunction(() => document.querySelector('#preview').srcObject?.getTracks().length === 2);
      await page.locator('#go:enabled').click();
      return page;
    };
    const first = await goLive();
    await untilState(first, 'live');
    await first.locator('#stop').click();
    await untilState(first, 'ended');
    const second = await goLive();
    await untilState(second, 'ended');
    await second.getByText('has been used').waitFor({ timeout: PATIENCE });
    await Promise.all([first.close(), second.close()]);
  });

  it('a page without a signature says what it lacks', async () => {
    const page = await open(`${server.origin}/watch/demo/cam`);
    await page.locator('#root[data-reason="a token is needed, or a signed address"]').waitFor({ timeout: PATIENCE });
    await page.close();
    const front = await open(`${server.origin}/`);
    await front.locator('#error', { hasText: 'a token is needed' }).waitFor({ timeout: PATIENCE });
    await front.close();
    assert.equal((await fetch(`${server.origin}/live/demo/cam.flv`)).status, 401);
  });

  it('a signature of another stream does not do', async () => {
    const { watch } = await server.urls('demo', 'other');
    const page = await open(watch.replace('/other', '/cam'));
    await page.locator('#root[data-reason*="signature is not valid"]').waitFor({ timeout: PATIENCE });
    await page.close();
  });

  it('what promised to end ends', async () => {
    const { watch } = await server.urls('demo', 'cam', '--ttl', '30s', '--end');
    const page = await open(watch.replace('#', '?form=flv#'));
    await untilState(page, 'playing');
    await page.locator('#root[data-reason*="has expired"]').waitFor({ timeout: PATIENCE });
    await page.close();
  });
});
