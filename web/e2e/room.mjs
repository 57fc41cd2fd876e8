// What members of a room see of each other and of the app's backend. Names begin with the case's id.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { APP, Cloud, code, custom, number, signer, text } from './cloud.mjs';
import { contentOf, Member, textOf } from './im.mjs';

const JOINED = 1;
const LEFT = 2;

let cloud;

before(async () => {
  cloud = await Cloud.start();
});

after(() => cloud?.stop());

const send = (m, room, body, more = {}) => m.call('room.send', { room, random: number(), body, ...more });
const isTip = (op, is = () => true) => (m) => m.k === 1 && contentOf(m).OpType === op && is(contentOf(m));
const said = (words) => (m) => textOf(m) === words;

/** A room with two members in it, who are closed with it. */
async function scene(run, { nicks = ['Ann', 'Bob'], room = {} } = {}) {
  const id = await cloud.room(room);
  const users = await Promise.all(nicks.map((Nick) => cloud.imported('member', { Nick })));
  const members = [];
  try {
    for (const user of users) members.push(await cloud.inRoom(user, id));
    await run({ id, users, members, ann: members[0], bob: members[1] });
  } finally {
    for (const m of members) m.close();
  }
}

describe('members of a room', () => {
  it('B01 D24 exchange messages, which show the nick', () =>
    scene(async ({ id, users, ann, bob }) => {
      await send(ann, id, text('hello'));
      const got = await bob.until(said('hello'), 'the message');
      assert.deepEqual([got.f, got.n], [users[0], 'Ann']);
      await send(bob, id, text('hi'));
      await ann.until(said('hi'), 'the answer');
    }));

  it('B02 get the announcement at once, and late ones on entry', () =>
    scene(async ({ id, bob }) => {
      await cloud.group('modify_group_base_info', { GroupId: id, Notification: 'half price' });
      const tip = await bob.until(isTip(6), 'the tip');
      assert.equal(contentOf(tip).MsgGroupNewInfo.Notification, 'half price');
      const late = await cloud.member(await cloud.imported('late'));
      const { room } = await late.call('room.enter', { room: id });
      assert.equal(room.notification, 'half price');
      late.close();
    }));

  it('B03 E03 D23 hear who comes and goes, by nick, and who left gets nothing more', () =>
    scene(async ({ id, ann }) => {
      const user = await cloud.imported('comer');
      const comer = await cloud.member(user);
      await comer.call('profile.set', { items: { Tag_Profile_IM_Nick: 'Carl' } });
      await comer.call('room.enter', { room: id });
      const tip = contentOf(await ann.until(isTip(JOINED, (c) => c.List_Account.includes(user)), 'the notice'));
      assert.equal(tip.MsgMemberExtraInfo.find((m) => m.UserId === user).NickName, 'Carl');
      await send(comer, id, text('here I am'));
      assert.equal((await ann.until(said('here I am'), 'the message')).n, 'Carl');
      await comer.call('room.exit', { room: id });
      await ann.until(isTip(LEFT, (c) => c.List_Account.includes(user)), 'the notice of leaving');
      const before = comer.messages.length;
      await send(ann, id, text('behind your back'));
      await ann.until(said('behind your back'), 'the own message');
      await comer.call('account.check', { users: [user] }); // what was published before has come by now
      assert.deepEqual(comer.messages.slice(before).filter(said('behind your back')), []);
      comer.close();
    }));

  it('B04 B06 get notices of the backend, as a system notification or a custom message', () =>
    scene(async ({ id, ann, bob }) => {
      await cloud.group('send_group_system_notification', { GroupId: id, Content: 'new product: cup' });
      await cloud.group('send_group_msg', { GroupId: id, Random: number(), MsgPriority: 'High', MsgBody: custom('{"gifts":3}', 'gifts', '') });
      for (const m of [ann, bob]) {
        const notice = await m.until((one) => one.k === 2, 'the notice');
        assert.deepEqual(contentOf(notice), { OpType: 255, UserDefinedField: 'new product: cup' });
        await m.until((one) => contentOf(one).Desc === 'gifts', 'the custom message');
      }
    }));

  it('B05 B10 B11 B18 get custom messages word for word', () =>
    scene(async ({ id, users, ann, bob }) => {
      const data = '{"gift":"rose","n":1,"who":"<b>Ann & \\"co\\"</b> 🌹"}';
      for (const what of ['gift', 'follow', 'purchase']) {
        await send(ann, id, custom(data, what, ' ext '), { priority: 'High' });
        const got = await bob.until((m) => contentOf(m).Desc === what, what);
        assert.deepEqual([contentOf(got), got.p, got.f], [{ Data: data, Desc: what, Ext: ' ext ' }, 'High', users[0]]);
      }
    }));

  it('B07 like, and see the counter rise', () =>
    scene(async ({ id, ann, bob }) => {
      for (let i = 0; i < 5; i++) await ann.call('room.like', { room: id, key: 'likes', n: 2 });
      await bob.until(isTip(102, (c) => c.Counters.likes === 10), 'the counter');
      const { GroupCounter } = await cloud.group('get_group_counter', { GroupId: id });
      assert.deepEqual(GroupCounter, [{ Key: 'likes', Value: 10 }]);
      await cloud.group('update_group_counter', { GroupId: id, Mode: 'Increase', GroupCounter: [{ Key: 'likes', Value: 5 }] });
      await bob.until(isTip(102, (c) => c.Counters.likes === 15), 'the counter by REST');
    }));

  it('B20 have to be in the room to send', () =>
    scene(async ({ id }) => {
      const outside = await cloud.member(await cloud.imported('outside'));
      assert.equal(await code(send(outside, id, custom('x', 'y', 'z'))), 10903);
      outside.close();
    }));

  it('B28 the backend hears of messages and raises a level, which stands beside the nick', () =>
    scene(async ({ id, users, ann, bob }) => {
      await send(ann, id, text('first'));
      await cloud.callbacks.until('Group.CallbackAfterSendMsg', (b) => b.From_Account === users[0] && b.MsgBody[0].MsgContent.Text === 'first');
      await cloud.ok('profile/portrait_set', { From_Account: users[0], ProfileItem: [{ Tag: 'Tag_Profile_IM_Level', Value: 3 }] });
      await send(ann, id, text('second'));
      assert.equal((await bob.until(said('second'), 'the message')).l, 3);
    }));

  it('E09 get what the callback before a message makes of it', () =>
    scene(async ({ id, ann, bob }) => {
      const level = { MsgType: 'TIMCustomElem', MsgContent: { Desc: 'CustomElement.MemberLevel', Data: 'LV1' } };
      cloud.callbacks.verdicts.set('Group.CallbackBeforeSendMsg', () => ({ MsgBody: [...text('rewritten'), level] }));
      try {
        const was = await cloud.callbacks.decided('as it was', (numbered) => send(ann, id, text(numbered)));
        const got = await bob.until(said('rewritten'), 'the message');
        assert.deepEqual([got.b[1].MsgContent.Desc, got.b[1].MsgContent.Data], ['CustomElement.MemberLevel', 'LV1']);
        assert.deepEqual(bob.messages.filter(said(was.text)), []);
      } finally {
        cloud.callbacks.verdicts.clear();
      }
    }));

  it('B30 D09 a word that is not allowed reaches nobody', () =>
    scene(async ({ id, ann, bob }) => {
      await cloud.ok('openim_dirty_words/add', { DirtyWordsList: ['grumblefish'] });
      assert.deepEqual((await cloud.ok('openim_dirty_words/get', {})).DirtyWordsList, ['grumblefish']);
      assert.equal(await code(send(ann, id, text('a Grumble-Fish!'))), 80001);
      assert.equal(await cloud.refusal('group_open_http_svc/modify_group_base_info', { GroupId: id, Name: 'grumblefish' }), 80001);
      assert.equal(await code(send(ann, id, custom('grumblefish', '', ''))), 0);
      await cloud.ok('openim_dirty_words/delete', { DirtyWordsList: ['grumblefish'] });
      await send(ann, id, text('grumblefish after all'));
      await bob.until(said('grumblefish after all'), 'the message');
      assert.deepEqual(bob.messages.filter((m) => textOf(m)?.includes('Grumble-Fish')), []);
    }));

  it('D04 every message of priority High arrives while others are cut', () =>
    scene(async ({ id, bob }) => {
      const asked = Array.from({ length: 150 }, (_, i) => {
        const MsgPriority = i % 10 === 0 ? 'High' : 'Low';
        return cloud.group('send_group_msg', { GroupId: id, Random: number(), MsgPriority, MsgBody: text(`${MsgPriority} ${i}`) });
      });
      for (const answer of await Promise.all(asked)) assert.ok(answer.MsgSeq > 0);
      for (let i = 0; i < 150; i += 10) await bob.until(said(`High ${i}`), `High ${i}`);
    }));
});

describe('connections', () => {
  it('D18 an anonymous viewer reads, and enters no room with a list of members', async () => {
    const [open, listed] = [await cloud.room(), await cloud.room({ Type: 'Public' })];
    const guest = await cloud.guest();
    await guest.call('room.enter', { room: open });
    assert.notEqual(await code(guest.call('room.enter', { room: listed })), 0);
    assert.equal(await code(send(guest, open, text('x'))), 2024);
    await cloud.group('send_group_msg', { GroupId: open, Random: number(), MsgBody: text('to all') });
    await guest.until(said('to all'), 'the message');
    guest.close();
  });

  it('E01 end by a second login and by REST, with their reasons', async () => {
    const user = await cloud.imported('twice');
    const first = await cloud.member(user);
    const second = await cloud.member(user);
    assert.equal((await first.ended()).reason, 'multipleAccount');
    const { QueryResult: [online] } = await cloud.ok('openim/query_online_status', { To_Account: [user], IsNeedDetail: 1 });
    assert.deepEqual([online.Status, online.Detail], ['Online', [{ Platform: 'Web', Status: 'Online' }]]);
    await cloud.ok('im_open_login_svc/kick', { Identifier: user });
    assert.equal((await second.ended()).reason, 'REST_API_Kick');
    const brief = await Member.connect(cloud.server.origin, { app: APP, user, sig: signer.genSig(user, 10) });
    assert.equal((await brief.ended()).reason, 'userSigExpired');
  });

  it('an account that is silenced everywhere', () =>
    scene(async ({ id, users, ann, bob }) => {
      await cloud.ok('openconfigsvr/setnospeaking', { Set_Account: users[0], C2CmsgNospeakingTime: 4294967295, GroupmsgNospeakingTime: 600 });
      assert.equal(await code(send(ann, id, text('x'))), 10017);
      assert.equal(await code(ann.call('c2c.send', { to: users[1], random: 1, body: text('x') })), 20012);
      const { C2CmsgNospeakingTime, GroupmsgNospeakingTime } = await cloud.ok('openconfigsvr/getnospeaking', { Get_Account: users[0] });
      assert.equal(C2CmsgNospeakingTime, 4294967295);
      assert.ok(GroupmsgNospeakingTime > 0 && GroupmsgNospeakingTime <= 600);
      await cloud.ok('openconfigsvr/setnospeaking', { Set_Account: users[0], C2CmsgNospeakingTime: 0, GroupmsgNospeakingTime: 0 });
      assert.equal(await code(send(ann, id, text('again'))), 0);
      await bob.until(said('again'), 'the message');
    }));
});
