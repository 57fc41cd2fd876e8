// The page "/address": an administrator makes addresses, by keyboard alone; nobody else does.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launch } from './chromium.mjs';
import { Server } from './server.mjs';

describe('the generator of addresses', () => {
  let server;
  let browser;
  let page;

  before(async () => {
    server = await Server.start();
    browser = await launch();
    page = await browser.newPage();
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const rows = () => page.$$eval('#results .field', (fields) => Object.fromEntries(
    fields.map((field) => [field.querySelector('label').textContent, field.querySelector('input').value])));
  const state = (wanted) => page.waitForSelector(`#root[data-state="${wanted}"]`);

  async function token(user, ...more) {
    const { studio } = await server.urls('demo', 'cam', '--user', user, ...more);
    return new URLSearchParams(new URL(studio).hash.slice(1)).get('usersig');
  }

  it('takes the token out of its link', async () => {
    await page.goto(`${server.origin}/address#usersig=${encodeURIComponent(await token('administrator'))}`);
    await page.waitForFunction(() => document.querySelector('#token').value !== '');
    assert.equal(new URL(page.url()).hash, '');
  });

  it('makes addresses of a stream here', async () => {
    await page.getByLabel('Room').fill('demo');
    await page.getByLabel('Stream', { exact: true }).fill('cam');
    await page.getByLabel('Dialect').selectOption('tencent');
    await page.getByRole('button', { name: 'Make addresses' }).press('Enter');
    await state('made');
    const got = await rows();
    assert.match(got['Publish by RTMP'], /^rtmp:\/\/.*\/live\/demo\/cam\?txSecret=[0-9a-f]{32}&txTime=[0-9A-F]{8}$/);
    assert.equal(`${got['RTMP: server']}/${got['RTMP: stream key']}`, got['Publish by RTMP']);
    assert.match(got['Publish by WebRTC (WHIP)'], /\/whip\/demo\/cam\?txSecret=/);
    assert.match(await page.locator('#expires').textContent(), /^Good until /);
    await page.getByRole('button', { name: 'Copy RTMP: server' }).click();
    await page.getByRole('button', { name: /^(Copied|Press Ctrl\+C) RTMP: server$/ }).waitFor();
  });

  it('makes addresses of a CDN', async () => {
    await page.getByRole('radio', { name: 'A CDN' }).check();
    assert.equal(await page.getByLabel('Room').isVisible(), false);
    await page.getByRole('button', { name: 'Make addresses' }).click();
    await state('failed');
    assert.match(await page.getByRole('alert').textContent(), /domain/);
    assert.equal(await page.locator('#results').isVisible(), false, 'what was made before is shown no longer');
    await page.getByLabel('Domain to push to', { exact: true }).fill('livepush.tcloud.com');
    await page.getByLabel('Key of the domain to push to').fill('e12c46f2612d5106e2034781ab261ca3');
    await page.getByRole('button', { name: 'Make addresses' }).click();
    await page.waitForFunction(() => document.querySelector('#address-0')?.value.includes('livepush.tcloud.com'));
    assert.match((await rows())['Publish by RTMP'], /^rtmp:\/\/livepush\.tcloud\.com\/live\/cam\?txSecret=[0-9a-f]{32}&txTime=/);
  });

  it('makes addresses of another weir', async () => {
    await page.getByLabel('Dialect').selectOption('weir');
    await page.getByLabel('Number of the app at that weir').fill('1400000001');
    await page.getByRole('button', { name: 'Make addresses' }).click();
    await page.waitForFunction(() => document.querySelector('#address-0')?.value.includes('sdkappid'));
    assert.match((await rows())['Publish by RTMP'], /^rtmp:\/\/livepush\.tcloud\.com\/live\/cam\?sdkappid=1400000001&sign=w1\./);
    await page.getByLabel('Dialect').selectOption('tencent');
  });

  it('makes addresses for the administrator of another app', async () => {
    const headers = { authorization: `Bearer ${await token('administrator')}` };
    const made = await fetch(`${server.origin}/api/v1/apps`, { method: 'POST', headers, body: '{"name":"shop"}' });
    const { id } = await made.json();
    await page.getByRole('radio', { name: 'This server' }).check();
    await page.getByLabel('Token of an administrator').fill(await token('administrator', '--app', String(id)));
    await page.getByRole('button', { name: 'Make addresses' }).click();
    await state('failed');
    await page.getByLabel('App (SDKAppID)').fill(String(id));
    await page.getByRole('button', { name: 'Make addresses' }).click();
    await state('made');
    assert.match((await rows())['Publish by RTMP'], new RegExp(`/live/demo/cam\\?sdkappid=${id}&txSecret=`));
    await page.getByLabel('App (SDKAppID)').fill('');
  });

  it('says why not', async () => {
    await page.getByLabel('Token of an administrator').fill(await token('host'));
    await page.getByRole('button', { name: 'Make addresses' }).click();
    await state('failed');
    assert.match(await page.getByRole('alert').textContent(), /may not do this/);
  });

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 700 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  });

  it('names every field', async () => {
    const nameless = await page.$$eval('input, select, button', (all) => all.filter((field) =>
      field.labels?.length === 0 || field.labels === null ? !(field.getAttribute('aria-label') || field.textContent.trim()) : false).map((field) => field.outerHTML));
    assert.deepEqual(nameless, []);
  });
});
