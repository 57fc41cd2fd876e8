// Two servers that act as one: Redis carries the channel, PostgreSQL what lasts.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { APP, Cloud, code, fresh, HALF_A_YEAR, number, signer, text } from './cloud.mjs';
import { Member, textOf } from './im.mjs';
import { postgres, redis } from './services.mjs';

const PATIENCE = 30_000;

let stores = [];
let a;
let b;

before(async () => {
  stores = [await redis(), await postgres()];
  const [{ url: WEIR_IM_REDIS }, { url: WEIR_STORE_URL }] = stores;
  a = await Cloud.start({ WEIR_IM_REDIS, WEIR_STORE_URL });
  b = await Cloud.start({ WEIR_IM_REDIS, WEIR_STORE_URL });
});

after(async () => {
  await a?.stop();
  await b?.stop();
  for (const s of stores) await s.stop();
});

const said = (words) => (m) => textOf(m) === words;

/** Says something into a room, at the latest when the nodes have agreed on who serves it. */
const say = (m, room, words) => m.call('room.send', { room, random: number(), body: text(words) });

async function until(what, is) {
  for (const limit = Date.now() + PATIENCE; !(await is()); ) {
    if (Date.now() > limit) throw new Error(what);
    await new Promise((done) => setTimeout(done, 100));
  }
}

it('D08 a message sent at one node arrives at the other, each once and in one order', async () => {
  const [ann, bob] = [await a.imported('ann'), await b.imported('bob')];
  const room = await a.room();
  const members = [await a.inRoom(ann, room), await b.inRoom(bob, room)];
  await Promise.all(Array.from({ length: 20 }, (_, n) => say(members[n % 2], room, `m${n}`)));
  for (const m of members) {
    for (let n = 0; n < 20; n++) await m.until(said(`m${n}`), `m${n}`);
    const got = m.messages.filter((x) => x.k === undefined && x.channel.startsWith('r:'));
    assert.equal(got.length, 20, 'each came once');
    assert.deepEqual(got.map((x) => x.q), got.map((x) => x.q).sort((x, y) => x - y), 'in the order of their numbers');
  }
  const order = (m) => m.messages.filter((x) => x.k === undefined).map(textOf);
  assert.deepEqual(order(members[0]), order(members[1]), 'everybody sees one order');
  for (const c of [a, b]) {
    await until('both nodes count both', async () => (await c.group('get_online_member_num', { GroupId: room })).OnlineMemberNum === 2);
  }
  for (const m of members) m.close();
});

it('what one node decides holds at the other', async () => {
  const [owner, noisy] = [await a.imported('owner'), await a.imported('noisy')];
  const room = await a.room({ Owner_Account: owner });
  const m = await b.inRoom(noisy, room);
  await say(m, room, 'before');
  await a.group('forbid_send_msg', { GroupId: room, Members_Account: [noisy], ShutUpTime: 60 });
  await until('the other node knows of the mute', async () => (await code(say(m, room, 'muted'))) === 10017);
  await a.group('ban_group_member', { GroupId: room, Members_Account: [noisy], Duration: 60 });
  await until('the banned one is out', async () => (await code(m.call('room.enter', { room }))) !== 0);
  await b.ok('openim_dirty_words/add', { DirtyWordsList: ['gadzooks'] });
  const o = await a.inRoom(owner, room);
  await until('the other node knows of the word', async () => (await code(say(o, room, 'Gadzooks!'))) === 80001);
  m.close();
  o.close();
});

it('E01 a message to an account, and a second login, reach it wherever it is', async () => {
  const [to, from] = [await a.imported('to'), await a.imported('from')];
  const first = await b.member(to);
  await a.ok('openim/sendmsg', { To_Account: to, From_Account: from, MsgRandom: number(), MsgBody: text('across') });
  await first.until(said('across'), 'the message');
  const second = await a.member(to);
  assert.match((await first.ended()).reason, /multipleAccount/);
  await b.ok('im_open_login_svc/kick', { Identifier: to });
  assert.match((await second.ended()).reason, /REST_API_Kick/);
});

it('B12 an app that is made at one node is known at the other', async () => {
  const { status, body: made } = await a.api('POST', 'apps', { name: fresh('shop') });
  assert.equal(status, 201);
  const sig = new signer.constructor(made.id, made.key).genSig('someone', HALF_A_YEAR);
  await until('the other node knows the app', async () => {
    const m = await Member.connect(b.server.origin, { app: made.id, user: 'someone', sig }).catch(() => null);
    m?.close();
    return m !== null;
  });
  assert.notEqual(made.id, APP);
});

it('CLU-02 the room goes on when a node dies', async () => {
  const user = await b.imported('stays');
  const rooms = await Promise.all(Array.from({ length: 8 }, () => a.room())); // either node serves some of them
  const m = await b.member(user);
  const seqs = new Map();
  for (const room of rooms) {
    // A web client is in one live room at a time.
    await m.call('room.enter', { room });
    seqs.set(room, (await say(m, room, 'before')).seq);
  }
  await a.server.kill();
  for (const room of rooms) {
    await m.call('room.enter', { room });
    const limit = Date.now() + PATIENCE;
    let sent;
    while (!sent) {
      sent = await say(m, room, `after ${room}`).catch((error) => {
        if (Date.now() > limit) throw error;
        return null;
      });
    }
    assert.ok(sent.seq > seqs.get(room), `numbers grow: ${sent.seq} behind ${seqs.get(room)}`);
    await m.until(said(`after ${room}`), 'the message');
  }
  m.close();
  await a.server.again();
});
