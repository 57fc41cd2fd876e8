// What a server that was killed has promised: 20 times in the midst of sends, it loses no message that it acknowledged
// and that is to be kept, opens its store, and goes on with the queue of callbacks.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import axios from 'axios';
import { Cloud, number, text } from './cloud.mjs';
import { textOf } from './im.mjs';

const KILLS = 20;
const SENDERS = 8;
const MOST = 900; // of an account and of a room: no more than are kept

let cloud;

before(async () => {
  cloud = await Cloud.start({ WEIR_IM_REST_RATE: '100000' });
});

after(() => cloud?.stop());

/** Sends with several senders at once until the server is killed; notes the texts that it acknowledged. */
async function sendUntilKilled(command, body, acknowledged, lasts) {
  let killed = false;
  const sending = Array.from({ length: SENDERS }, async () => {
    while (!killed && acknowledged.size < MOST) {
      const words = `m${number()}`;
      const answer = await cloud.call(axios, command, body(words)).catch(() => null);
      if (answer?.ErrorCode === 0) acknowledged.add(words);
    }
  });
  await new Promise((done) => setTimeout(done, lasts));
  await cloud.server.kill();
  killed = true;
  await Promise.all(sending);
}

/** All that is kept, page by page. */
async function kept(page) {
  const all = [];
  for (;;) {
    const more = await page(all.at(-1)?.q ?? 0);
    if (more.length === 0) return all;
    all.push(...more);
  }
}

function check(all, acknowledged, what) {
  const texts = all.map(textOf);
  const missing = [...acknowledged].filter((words) => !texts.includes(words));
  assert.deepEqual(missing, [], `${what}: ${missing.length} of ${acknowledged.size} acknowledged messages are lost`);
  assert.equal(new Set(texts).size, texts.length, `${what}: some are there twice`);
  const seqs = all.map((m) => m.q);
  assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b), `${what}: the numbers grow`);
}

it('kill -9 during sends, 20 times', async (t) => {
  const [agent, owner] = [await cloud.imported('agent'), await cloud.imported('owner')];
  const { GroupId } = await cloud.group('create_group', { Type: 'Public', Name: 'kept', Owner_Account: owner });
  const toAgent = new Set();
  const toRoom = new Set();
  for (let n = 0; n < KILLS; n++) {
    const c2c = (words) => ({ To_Account: agent, From_Account: owner, MsgRandom: number(), MsgBody: text(words) });
    const group = (words) => ({ GroupId, From_Account: owner, Random: number(), MsgPriority: 'High', MsgBody: text(words) });
    if (n % 2 === 0) await sendUntilKilled('openim/sendmsg', c2c, toAgent, 20 + Math.random() * 200);
    else await sendUntilKilled('group_open_http_svc/send_group_msg', group, toRoom, 200 + Math.random() * 600); // windows take a while
    await cloud.server.again();
  }
  t.diagnostic(`${toAgent.size} messages to an account and ${toRoom.size} into a room were acknowledged`);
  assert.ok(toAgent.size > 0 && toRoom.size > 0, 'something was acknowledged');

  const m = await cloud.member(agent);
  check(await kept(async (after) => (await m.call('c2c.offline', { after, limit: 100 })).m ?? []), toAgent, 'to an account');
  m.close();
  const o = await cloud.member(owner);
  check(await kept(async (after) => (await o.call('room.recent', { room: GroupId, after })).m ?? []), toRoom, 'into a room');
  o.close();

  const words = `m${number()}`;
  await cloud.ok('openim/sendmsg', { To_Account: agent, From_Account: owner, MsgRandom: number(), MsgBody: text(words) });
  await cloud.callbacks.until('C2C.CallbackAfterSendMsg', (body) => body.MsgBody[0].MsgContent.Text === words);
  const heard = cloud.callbacks.heard.filter((c) => c.command.includes('AfterSendMsg'));
  t.diagnostic(`${heard.length} callbacks came, ${new Set(heard.map((c) => c.id)).size} of them different`);
});
