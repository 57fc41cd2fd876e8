// The npm package centrifuge as it is, against the room channel. Names begin with the case's id.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { APP, Cloud, HALF_A_YEAR, number, signer, text } from './cloud.mjs';
import { Member, textOf } from './im.mjs';

const PATIENCE = 30_000;

let cloud;

before(async () => {
  cloud = await Cloud.start();
});

after(() => cloud?.stop());

/** Waits until something holds. */
async function until(is, what) {
  const limit = Date.now() + PATIENCE;
  while (!is()) {
    if (Date.now() > limit) throw new Error(`${what}: never`);
    await new Promise((go) => setTimeout(go, 20));
  }
}

/** A client of the package, the sockets that it opened, and what came to it. */
function client(user) {
  const seen = { sockets: [], welcomes: [], texts: [], states: [] };
  class Tapped extends WebSocket {
    constructor(...args) {
      super(...args);
      seen.sockets.push(this);
    }
  }
  let session = '';
  const c = new Centrifuge(`${cloud.server.origin.replace(/^http/, 'ws')}/im`, {
    websocket: Tapped,
    token: user ? signer.genSig(user, HALF_A_YEAR) : '',
    getData: async () => ({ app: APP, user, platform: 'Web', session }),
    minReconnectDelay: 200,
  });
  c.on('connected', ({ data }) => {
    session = data.session;
    seen.welcomes.push(data);
  });
  c.on('state', ({ newState }) => seen.states.push(newState));
  c.on('publication', ({ data }) => seen.texts.push(...data.m.filter((m) => !m.k).map(textOf)));
  return { c, seen };
}

it('E02 connects, enters, sends, receives, and goes on after a cut without loss or duplicate', async () => {
  const room = await cloud.room({});
  const user = await cloud.imported('member');
  const { c, seen } = client(user);
  const ann = await cloud.inRoom(await cloud.imported('ann'), room);
  try {
    c.connect();
    await c.ready(PATIENCE);
    const { data } = await c.rpc('room.enter', { room });
    assert.equal(data.room.id, room);
    await c.rpc('room.send', { room, random: number(), body: text('mine') });
    await ann.until((m) => textOf(m) === 'mine', 'the message');
    const say = (words) => ann.call('room.send', { room, random: number(), body: text(words) });
    await say('one');
    await until(() => seen.texts.includes('one'), 'the first message');

    seen.sockets.at(-1).terminate();
    await until(() => c.state === 'connecting', 'the cut is seen');
    await say('two');
    await ann.until((m) => textOf(m) === 'two', 'what is said meanwhile');
    await until(() => seen.welcomes.length === 2, 'the connection is back');
    await say('three');
    await until(() => seen.texts.includes('three'), 'the message after the cut');
    assert.deepEqual(seen.texts.filter((t) => t !== 'mine'), ['one', 'two', 'three']);
    assert.deepEqual([seen.welcomes[1].resumed, seen.welcomes[1].rooms], [true, [room]]);
    assert.equal(seen.welcomes[1].session, seen.welcomes[0].session);
    assert.deepEqual(seen.states, ['connecting', 'connected', 'connecting', 'connected']);
    // Nobody saw it leave.
    assert.ok(!ann.messages.some((m) => m.k === 1 && JSON.stringify(m.b).includes('"OpType":2')));
  } finally {
    c.disconnect();
    ann.close();
  }
});

it('E01 is told by a code that it need not come again', async () => {
  const user = await cloud.imported('twice');
  const { c, seen } = client(user);
  c.connect();
  await c.ready(PATIENCE);
  const ended = new Promise((resolve) => c.on('disconnected', resolve));
  const second = await Member.connect(cloud.server.origin, { app: APP, user, sig: signer.genSig(user, HALF_A_YEAR) });
  const { code, reason } = await ended;
  assert.deepEqual([code, reason], [4501, 'multipleAccount']);
  assert.equal(seen.sockets.length, 1);
  second.close();
});

it('A08 a malformed signature ends it with the number of what is wrong', async () => {
  const { c } = client('nobody');
  c.setToken('forged');
  const ended = new Promise((resolve) => c.on('disconnected', resolve));
  c.connect();
  assert.equal((await ended).code, 70003);
});

it('D17 without a login it looks on, and sends nothing', async () => {
  const room = await cloud.room({});
  const { c } = client('');
  try {
    c.connect();
    await c.ready(PATIENCE);
    await c.rpc('room.enter', { room });
    await assert.rejects(c.rpc('room.send', { room, random: number(), body: text('x') }), { code: 2024 });
  } finally {
    c.disconnect();
  }
});
