// Programs for the cloud's IM REST interface with the host changed: its signature library and axios, in the version that
// sends JSON under the Content-Type of a form and in the one that sends the form. Names begin with the case's id.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import axios1 from 'axios';
import axios0 from 'axios-0';
import TLSSigAPI from 'tls-sig-api-v2';
import { ADMIN, APP, Cloud, code, fresh, HALF_A_YEAR, KEY, now, number, signer, text } from './cloud.mjs';
import { contentOf, textOf } from './im.mjs';

const AGENT = 'user1';
// What the library made for the administrator at 1600000000, for half a year.
const OF_2020 =
  'eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwqXFqUUwieKU7MSCgswUJStDEwMogMiUZOamKlkZmqGKplYUZBaBxE1NTY3gosWZ6UpWSr4*fo4*' +
  'wWm*zqn*pUEeZc5uhQERRcFRRtnlJZZV5RFVYZXJKW5RTsluea62SrUABE0xww__';
const ONLINE_LIMIT = 20_000; // of E08

let cloud;

before(async () => {
  cloud = await Cloud.start();
});

after(() => cloud?.stop());

for (const [version, axios] of [['0.21', axios0], ['1.x', axios1]]) {
  describe(`the sample program with axios ${version}`, () => {
    const customer = `openid+${version} x`; // a form writes the space as a plus sign, and the plus sign otherwise

    it('C09 a signature of the library for half a year is good for the administrator', async () => {
      for (const sig of [signer.genSig(ADMIN, HALF_A_YEAR), signer.genUserSig(ADMIN, HALF_A_YEAR)]) {
        const answer = await cloud.call(axios, 'im_open_login_svc/account_check', { CheckItem: [{ UserID: ADMIN }] }, { sig });
        assert.equal(answer.ErrorCode, 0, JSON.stringify(answer));
      }
      const wrong = {
        70001: { sig: OF_2020 },
        70003: { sig: 'x' },
        70009: { sig: new TLSSigAPI.Api(APP, KEY.replace('5', '6')).genSig(ADMIN, HALF_A_YEAR) },
        70013: { sig: signer.genSig(AGENT, HALF_A_YEAR) },
        70014: { sig: new TLSSigAPI.Api(APP + 1, KEY).genSig(ADMIN, HALF_A_YEAR) },
        70020: { app: APP + 1 },
        60010: { sig: signer.genSig(AGENT, HALF_A_YEAR), identifier: AGENT },
        60012: { app: '' },
      };
      for (const [number, change] of Object.entries(wrong)) {
        const answer = await cloud.call(axios, 'im_open_login_svc/account_check', { CheckItem: [{ UserID: ADMIN }] }, change);
        assert.equal(answer.ErrorCode, Number(number), JSON.stringify(answer));
      }
    });

    it('C10 account_import, as often as wished', async () => {
      for (const user of [AGENT, customer, customer]) {
        assert.equal((await cloud.call(axios, 'im_open_login_svc/account_import', { Identifier: user })).ErrorCode, 0);
      }
      const { ResultItem } = await cloud.call(axios, 'im_open_login_svc/account_check', { CheckItem: [{ UserID: customer }, { UserID: 'nobody' }] });
      assert.deepEqual(ResultItem.map((item) => [item.UserID, item.AccountStatus]), [[customer, 'Imported'], ['nobody', 'NotImported']]);
    });

    it('C12 C13 sendmsg to the agent who is there, and not to the sender', async () => {
      const [agent, self] = [await cloud.member(AGENT), await cloud.member(ADMIN)];
      const answer = await cloud.call(axios, 'openim/sendmsg', {
        SyncOtherMachine: 2, To_Account: AGENT, MsgLifeTime: 60, MsgRandom: 1287657, MsgTimeStamp: now(),
        MsgBody: text(`Inquiry from a WeChat subscription account: ${version} & "more"`),
      });
      assert.equal(answer.ErrorCode, 0, JSON.stringify(answer));
      assert.match(answer.MsgKey, /^\d+_1287657_\d+$/);
      assert.ok(Math.abs(answer.MsgTime - now()) < 60);
      const got = await agent.until((m) => textOf(m)?.includes(version), 'the message');
      assert.equal(textOf(got), `Inquiry from a WeChat subscription account: ${version} & "more"`);
      assert.equal(got.f, ADMIN);
      assert.deepEqual(self.messages, []);
      for (const m of [agent, self]) m.close();
    });

    it('C12 a message waits 60 s for an agent who is not there', async () => {
      const away = await cloud.imported('away');
      const answer = await cloud.call(axios, 'openim/sendmsg', {
        SyncOtherMachine: 2, To_Account: away, MsgLifeTime: 60, MsgRandom: 1, MsgTimeStamp: now(), MsgBody: text('are you there?'),
      });
      assert.equal(answer.ErrorCode, 0, JSON.stringify(answer));
      const agent = await cloud.member(away);
      const { m } = await agent.call('c2c.offline');
      assert.deepEqual(m.map(textOf), ['are you there?']);
      await agent.call('c2c.ack', { seq: m[0].q });
      assert.deepEqual((await agent.call('c2c.offline')).m, []);
      agent.close();
    });

    it('C14 SyncOtherMachine 1 shows it on the sender\'s terminals, too', async () => {
      const self = await cloud.member(ADMIN);
      await cloud.call(axios, 'openim/sendmsg', { SyncOtherMachine: 1, To_Account: AGENT, MsgRandom: 2, MsgBody: text(`also here ${version}`) });
      await self.until((m) => textOf(m) === `also here ${version}`, 'the sender\'s copy');
      self.close();
    });

    it('C15 two texts in one second under one MsgRandom both arrive', async () => {
      const agent = await cloud.member(AGENT);
      const stamp = now();
      const words = [`first ${version}`, `second ${version}`];
      for (const word of words) {
        const answer = await cloud.call(axios, 'openim/sendmsg', {
          SyncOtherMachine: 2, To_Account: AGENT, MsgLifeTime: 60, MsgRandom: 1287657, MsgTimeStamp: stamp, MsgBody: text(word),
        });
        assert.equal(answer.ErrorCode, 0, JSON.stringify(answer));
      }
      for (const word of words) await agent.until((m) => textOf(m) === word, word);
      agent.close();
    });

    it('C11 account_delete', async () => {
      const { ErrorCode, ResultItem } = await cloud.call(axios, 'im_open_login_svc/account_delete', { DeleteItem: [{ UserID: customer }] });
      assert.deepEqual([ErrorCode, ResultItem], [0, [{ ResultCode: 0, ResultInfo: '', UserID: customer }]]);
      const { ResultItem: again } = await cloud.call(axios, 'im_open_login_svc/account_delete', { DeleteItem: [{ UserID: customer }] });
      assert.equal(again[0].ResultCode, 70107);
    });

    it('C17 multiaccount_import, in its old form and its new one', async () => {
      for (const data of [{ Accounts: [fresh('a'), fresh('a')] }, { AccountList: [{ UserID: fresh('a'), Nick: 'A' }, { UserID: fresh('a') }] }]) {
        const answer = await cloud.call(axios, 'im_open_login_svc/multiaccount_import', data);
        assert.deepEqual([answer.ErrorCode, answer.FailAccounts], [0, []], JSON.stringify(answer));
        const users = data.Accounts ?? data.AccountList.map((a) => a.UserID);
        const { ResultItem } = await cloud.call(axios, 'im_open_login_svc/account_check', { CheckItem: users.map((UserID) => ({ UserID })) });
        assert.ok(ResultItem.every((item) => item.AccountStatus === 'Imported'), JSON.stringify(ResultItem));
      }
    });

    it('modify_group_base_info and get_group_info', async () => {
      const id = await cloud.room();
      const answer = await cloud.call(axios, 'group_open_http_svc/modify_group_base_info', {
        GroupId: id, Name: 'Shop', Notification: 'Sale', MuteAllMember: 'Off',
      });
      assert.equal(answer.ErrorCode, 0, JSON.stringify(answer));
      const { GroupInfo } = await cloud.call(axios, 'group_open_http_svc/get_group_info', { GroupIdList: [id, 'none'] });
      assert.deepEqual([GroupInfo[0].Name, GroupInfo[0].Notification, GroupInfo[1].ErrorCode], ['Shop', 'Sale', 10010]);
    });
  });
}

describe('groups', () => {
  it('B14 a name has 30 bytes at most: ten Chinese characters, not eleven', async () => {
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: '直'.repeat(10) }), 0);
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: '直'.repeat(11) }), 10004);
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: '' }), 10004);
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom' }), 10004);
  });

  it('B15 an owner has to exist', async () => {
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: 'n', Owner_Account: 'nobody' }), 10019);
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: 'n', Owner_Account: await cloud.imported('owner') }), 0);
  });

  it('B16 an audio-video chat room, made with an id of its own or one that is given', async () => {
    const { GroupId } = await cloud.group('create_group', { Type: 'AVChatRoom', Name: 'n' });
    assert.match(GroupId, /^@TGS#/);
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: 'n', GroupId: '@TGS#mine' }), 10015);
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: 'n', MemberList: [{ Member_Account: AGENT }] }), 10007);
    assert.equal(await cloud.refusal('group_open_http_svc/add_group_member', { GroupId, MemberList: [{ Member_Account: AGENT }] }), 10007);
  });

  it('B17 the list has id, name, owner, type and time of creation', async () => {
    const owner = await cloud.imported('owner');
    const id = await cloud.room({ Name: 'listed', Owner_Account: owner });
    const ids = [];
    let next = 0;
    do {
      const page = await cloud.group('get_appid_group_list', { Limit: 2, Next: next, GroupType: 'AVChatRoom' });
      ids.push(...page.GroupIdList.map((g) => g.GroupId));
      assert.ok(page.TotalCount >= ids.length);
      next = page.Next;
    } while (next);
    assert.equal(ids.filter((other) => other === id).length, 1, `${id} in ${ids}`);
    const { GroupInfo: [info] } = await cloud.group('get_group_info', { GroupIdList: [id] });
    assert.deepEqual([info.GroupId, info.Name, info.Owner_Account, info.Type], [id, 'listed', owner, 'AVChatRoom']);
    assert.ok(Math.abs(info.CreateTime - now()) < 600);
  });

  it('B21 who changes the group need not be in it, and members hear of it while messages are cut', async () => {
    const id = await cloud.room();
    const viewer = await cloud.inRoom(await cloud.imported('viewer'), id);
    const sends = Array.from({ length: 120 }, (_, i) =>
      cloud.call(axios0, 'group_open_http_svc/send_group_msg', { GroupId: id, Random: i + 1, MsgPriority: 'Normal', MsgBody: text(`${i}`) }));
    await cloud.group('modify_group_base_info', { GroupId: id, Notification: 'now on sale' });
    const tip = await viewer.until((m) => m.k === 1 && contentOf(m).OpType === 6, 'the tip');
    assert.equal(contentOf(tip).MsgGroupNewInfo.Notification, 'now on sale');
    for (const { ErrorCode } of await Promise.all(sends)) assert.equal(ErrorCode, 0);
    viewer.close();
  });

  it('E07 an id that is taken', async () => {
    const [owner, other] = [await cloud.imported('owner'), await cloud.imported('other')];
    const id = await cloud.room({ Owner_Account: owner });
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: 'n', GroupId: id, Owner_Account: other }), 10021);
    assert.equal(await cloud.refusal('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: 'n', GroupId: id, Owner_Account: owner }), 10025);
    const [mine, theirs] = [await cloud.member(owner), await cloud.member(other)];
    assert.equal(await code(theirs.call('room.create', { room: id, type: 'AVChatRoom', name: 'n' })), 10021);
    assert.equal(await code(mine.call('room.create', { room: id, type: 'AVChatRoom', name: 'n' })), 10025);
    assert.equal(await code(mine.call('room.enter', { room: id })), 0);
    for (const m of [mine, theirs]) m.close();
  });

  it('E08 how many are there follows who comes and goes, anonymous viewers with them', async () => {
    const id = await cloud.room();
    const all = [await cloud.inRoom(await cloud.imported('viewer'), id)];
    for (let i = 0; i < 2; i++) {
      const guest = await cloud.guest();
      await guest.call('room.enter', { room: id });
      all.push(guest);
    }
    const count = async () => (await cloud.group('get_online_member_num', { GroupId: id })).OnlineMemberNum;
    const follows = async (want) => {
      const limit = Date.now() + ONLINE_LIMIT;
      while ((await count()) !== want) assert.ok(Date.now() < limit, `${await count()} are there, and not ${want}`);
    };
    await follows(3);
    await all[0].call('room.exit', { room: id });
    await follows(2);
    for (const m of all) m.close();
    assert.equal(await cloud.refusal('group_open_http_svc/get_online_member_num', { GroupId: 'none' }), 10010);
  });

  it('E06 a destroyed room', async () => {
    const id = await cloud.room();
    const viewer = await cloud.inRoom(await cloud.imported('viewer'), id);
    await cloud.group('destroy_group', { GroupId: id });
    const notice = await viewer.until((m) => m.k === 2, 'the notice');
    assert.equal(contentOf(notice).OpType, 5);
    assert.ok([10010, 10015].includes(await code(viewer.call('room.enter', { room: id }))));
    assert.equal(await cloud.refusal('group_open_http_svc/destroy_group', { GroupId: id }), 10010);
    viewer.close();
  });
});

describe('custom fields', () => {
  const define = (name, more = {}) =>
    cloud.api('PUT', `fields/${name}`, { of: 'room', types: ['AVChatRoom'], read: 'anyone', write: 'owner', ...more });
  const well = (answer) => assert.ok(answer.status < 300, JSON.stringify(answer));
  const set = (GroupId, Key, Value) => ({ GroupId, AppDefinedData: [{ Key, Value }] });
  const fieldOf = async (GroupId, name) => {
    const { GroupInfo: [info] } = await cloud.group('get_group_info', { GroupIdList: [GroupId] });
    return info.AppDefinedData.find((pair) => pair.Key === name)?.Value;
  };

  it('B22 B26 are defined with types of room and rights, and hold at once', async () => {
    well(await define('item'));
    const id = await cloud.room();
    await cloud.group('modify_group_base_info', set(id, 'item', 'cup'));
    assert.equal(await fieldOf(id, 'item'), 'cup');
    const club = await cloud.room({ Type: 'Public' });
    assert.equal(await cloud.refusal('group_open_http_svc/modify_group_base_info', set(club, 'item', 'cup')), 10004);
    assert.equal(await cloud.refusal('group_open_http_svc/modify_group_base_info', set(id, 'undefined', 'x')), 10004);
    await cloud.group('modify_group_base_info', set(id, 'item', ''));
    assert.equal(await fieldOf(id, 'item'), undefined);
  });

  it('B23 have names of letters, digits and underscores, not with a digit first, of 16 characters', async () => {
    for (const name of ['1st', 'a-b', 'a'.repeat(17), '价格']) assert.equal((await define(encodeURIComponent(name))).status, 400, name);
    for (const name of ['_1', 'a'.repeat(16)]) well(await define(name));
  });

  it('B24 share no name with a field of members', async () => {
    well(await define('shared'));
    const { status } = await define('shared', { of: 'member', types: ['Public'] });
    assert.ok(status >= 400 && status < 500, String(status));
  });

  it('B25 change their rights, and stay', async () => {
    well(await define('firm'));
    well(await define('firm', { write: 'app' }));
    const { status } = await cloud.api('DELETE', 'fields/firm');
    assert.ok(status === 404 || status === 405, String(status));
    const { body } = await cloud.api('GET', 'fields');
    assert.equal(body.fields.find((f) => f.name === 'firm').write, 'app');
  });

  it('B27 change by REST, which members hear of, and by nobody who may not', async () => {
    well(await define('price', { write: 'app' }));
    const owner = await cloud.imported('owner');
    const id = await cloud.room({ Owner_Account: owner });
    const [host, viewer] = [await cloud.inRoom(owner, id), await cloud.inRoom(await cloud.imported('viewer'), id)];
    await cloud.group('modify_group_base_info', set(id, 'price', '9.90'));
    const tip = await viewer.until((m) => m.k === 1 && contentOf(m).OpType === 6, 'the tip');
    assert.deepEqual(contentOf(tip).MsgGroupNewInfo.MsgAppDefinedData, [{ Key: 'price', Value: '9.90' }]);
    for (const m of [host, viewer]) {
      assert.equal(await code(m.call('room.modify', { room: id, fields: { price: '0' } })), 10007);
      m.close();
    }
    assert.equal(await fieldOf(id, 'price'), '9.90');
  });
});

describe('an app made at run time', () => {
  it('D10 B12 B13 has its own signatures, accounts and rooms, until it is deleted', async () => {
    const { status, body: made } = await cloud.api('POST', 'apps', { name: 'shop', admins: ['boss'] });
    assert.equal(status, 201, JSON.stringify(made));
    const own = new TLSSigAPI.Api(made.id, made.key);
    const as = { app: made.id, identifier: 'boss', sig: own.genSig('boss', HALF_A_YEAR) };
    const call = async (command, data) => (await cloud.call(axios0, command, data, as)).ErrorCode;
    const user = fresh('user');
    assert.equal(await call('im_open_login_svc/account_import', { Identifier: user }), 0);
    assert.equal(await call('im_open_login_svc/multiaccount_import', { Accounts: [fresh('user'), fresh('user')] }), 0);
    const GroupId = fresh('room');
    assert.equal(await call('group_open_http_svc/create_group', { Type: 'AVChatRoom', Name: 'live', GroupId, Owner_Account: user }), 0);
    const { body } = await cloud.api('GET', 'apps');
    const listed = body.apps.find((app) => app.id === made.id);
    assert.deepEqual([listed.name, listed.status, listed.key], ['shop', 'enabled', undefined]);

    // Nothing of it is the other app's, and its signatures open nothing there.
    assert.equal(await cloud.refusal('group_open_http_svc/destroy_group', { GroupId }), 10010);
    assert.equal((await cloud.call(axios0, 'im_open_login_svc/kick', { Identifier: user }, { ...as, app: APP })).ErrorCode, 70014);

    assert.equal((await cloud.api('DELETE', `apps/${made.id}`)).status, 400);
    assert.equal((await cloud.api('DELETE', `apps/${made.id}?confirm=shop`)).status, 204);
    assert.equal(await call('im_open_login_svc/account_import', { Identifier: user }), 70020);
  });
});

describe('a group with a list of members', () => {
  it('takes members, shows them and lets them go', async () => {
    const users = await Promise.all(['owner', 'second', 'third'].map((name) => cloud.imported(name, { Nick: name })));
    const [owner, second, third] = users;
    const id = await cloud.room({ Type: 'Public', Owner_Account: owner, MemberList: [{ Member_Account: second, Role: 'Admin' }] });
    const { MemberList: added } = await cloud.group('add_group_member', {
      GroupId: id, MemberList: [second, third, 'nobody'].map((Member_Account) => ({ Member_Account })),
    });
    assert.deepEqual(added.map((m) => m.Result), [2, 1, 0]);
    await cloud.group('forbid_send_msg', { GroupId: id, Members_Account: [third], MuteTime: 4294967295 });
    const { MemberNum, MemberList } = await cloud.group('get_group_member_info', { GroupId: id, Limit: 10, Offset: 0 });
    const shown = MemberList.map((m) => [m.Member_Account, m.Role, m.ShutUpUntil]).sort();
    assert.deepEqual([MemberNum, shown], [3, [[owner, 'Owner', 0], [second, 'Admin', 0], [third, 'Member', 4294967295]].sort()]);
    await cloud.group('delete_group_member', { GroupId: id, MemberToDel_Account: [third], Silence: 1 });
    await cloud.group('change_group_owner', { GroupId: id, NewOwner_Account: second });
    const { GroupInfo: [info] } = await cloud.group('get_group_info', { GroupIdList: [id] });
    assert.deepEqual([info.Owner_Account, info.MemberNum, info.MemberList.length], [second, 2, 2]);
    assert.equal(await cloud.refusal('group_open_http_svc/change_group_owner', { GroupId: await cloud.room(), NewOwner_Account: second }), 10007);
  });
});

describe('a group for everybody', () => {
  it('has attributes and counters', async () => {
    const id = await cloud.room();
    const attributes = async (service = 'group_open_http_svc') => (await cloud.ok(`${service}/get_group_attr`, { GroupId: id })).GroupAttrAry;
    await cloud.group('set_group_attr', { GroupId: id, GroupAttr: [{ key: 'a', value: '1' }, { key: 'b', value: '2' }] });
    await cloud.group('modify_group_attr', { GroupId: id, GroupAttr: [{ key: 'b', value: '3' }] });
    assert.deepEqual(await attributes(), [{ key: 'a', value: '1' }, { key: 'b', value: '3' }]);
    await cloud.group('set_group_attr', { GroupId: id, GroupAttr: [{ key: 'c', value: '4' }] });
    assert.deepEqual(await attributes('group_open_attr_http_svc'), [{ key: 'c', value: '4' }]);
    await cloud.group('clear_group_attr', { GroupId: id });
    assert.deepEqual(await attributes(), []);

    const count = (Mode, Value) => cloud.group('update_group_counter', { GroupId: id, Mode, GroupCounter: [{ Key: 'gifts', Value }] });
    assert.deepEqual((await count('Set', 5)).GroupCounter, [{ Key: 'gifts', Value: 5 }]);
    await count('Increase', 3);
    assert.deepEqual((await count('Decrease', 1)).GroupCounter, [{ Key: 'gifts', Value: 7 }]);
    const { GroupCounter } = await cloud.group('get_group_counter', { GroupId: id, GroupCounterKeys: ['gifts', 'none'] });
    assert.deepEqual(GroupCounter, [{ Key: 'gifts', Value: 7 }]);
  });

  it('shows who is there, and gets what goes to all', async () => {
    const [id, other] = [await cloud.room(), await cloud.room()];
    const user = await cloud.imported('viewer', { Nick: 'Vic', FaceUrl: 'https://example.com/v.png' });
    const [viewer, elsewhere] = [await cloud.inRoom(user, id), await cloud.inRoom(await cloud.imported('viewer'), other)];
    const { MemberList: [there] } = await cloud.ok('group_open_avchatroom_http_svc/get_members', { GroupId: id, Timestamp: 0 });
    assert.deepEqual([there.Member_Account, there.NickName, there.Avatar], [user, 'Vic', 'https://example.com/v.png']);
    const { MemberList: [known] } = await cloud.group('get_group_member_info', { GroupId: id });
    assert.equal(known.Member_Account, user);
    const { MsgSeq, MsgTime } = await cloud.group('send_broadcast_msg', { From_Account: user, Random: number(), MsgBody: text('to every room') });
    assert.ok(MsgSeq > 0 && MsgTime > 0);
    for (const m of [viewer, elsewhere]) {
      assert.equal((await m.until((one) => textOf(one) === 'to every room', 'the broadcast')).bc, true);
      m.close();
    }
    // One call a second: the second one may still have come into the next second, so there are twenty.
    const answers = await Promise.all(Array.from({ length: 20 }, () =>
      cloud.refusal('group_open_http_svc/send_broadcast_msg', { Random: number(), MsgBody: text('again') })));
    assert.ok(answers.includes(60007), String(answers));
  });

  it('takes no message twice', async () => {
    const id = await cloud.room();
    const viewer = await cloud.inRoom(await cloud.imported('viewer'), id);
    const Random = number();
    for (const words of ['once', 'once']) await cloud.group('send_group_msg', { GroupId: id, Random, MsgBody: text(words) });
    await cloud.group('send_group_msg', { GroupId: id, Random: number(), MsgBody: text('the end') });
    await viewer.until((m) => textOf(m) === 'the end', 'the last message');
    assert.equal(viewer.messages.filter((m) => textOf(m) === 'once').length, 1);
    viewer.close();
  });
});

describe('bodies that mean no good', () => {
  const post = async (body, path = 'im_open_login_svc/account_import', sig = signer.genSig(ADMIN, HALF_A_YEAR)) => {
    const query = `sdkappid=${APP}&identifier=${ADMIN}&usersig=${sig}`;
    const response = await fetch(`${cloud.server.origin}/v4/${path}?${query}`, { method: 'POST', body });
    assert.equal(response.status, 200);
    return (await response.json()).ErrorCode;
  };

  it('are refused by their number', async () => {
    for (const [number, body] of [
      [60003, '{"Identifier":'.repeat(60_000)],
      [60003, `{"Identifier":${'['.repeat(500_000)}`],
      [60003, `{"Identifier":[${'{},'.repeat(300_000)}{}]}`],
      [60003, `a${'[b]'.repeat(100_000)}=1`],
      [60003, 'a=1&'.repeat(200_000)],
      [60003, '[1,2]'],
      [60003, '{"Identifier":"x"'],
      [60002, `{"Identifier":"${'x'.repeat(1 << 20)}"}`],
      [70402, '{"Identifier":7}'],
      [70402, '{"Identifier":null}'],
      [70402, ''],
      [70402, `{"Identifier":"${'x'.repeat(33)}"}`],
    ]) {
      assert.equal(await post(body), number, `${body.slice(0, 40)} of ${body.length} bytes`);
    }
    assert.equal(await post('{'.repeat(900_000), undefined, 'forged'), 70003);
  });

  it('with markup come back as they were', async () => {
    const Nick = '</script><script>alert("x")</script> &lt;';
    const user = await cloud.imported('markup', { Nick });
    const { UserProfileItem: [profile] } = await cloud.ok('profile/portrait_get', { To_Account: [user], TagList: ['Tag_Profile_IM_Nick'] });
    assert.deepEqual(profile.ProfileItem, [{ Tag: 'Tag_Profile_IM_Nick', Value: Nick }]);
  });
});

describe('messages to accounts', () => {
  it('go to many at once', async () => {
    const [here, away] = [await cloud.imported('here'), await cloud.imported('away')];
    const m = await cloud.member(here);
    const { MsgKey, ErrorList } = await cloud.ok('openim/batchsendmsg', {
      To_Account: [here, away, 'nobody'], MsgRandom: number(), SyncOtherMachine: 2, MsgBody: text('to you all'),
    });
    assert.ok(MsgKey);
    assert.deepEqual(ErrorList.map((e) => e.To_Account), ['nobody']);
    await m.until((one) => textOf(one) === 'to you all', 'the message');
    const { QueryResult, ErrorList: unknown } = await cloud.ok('openim/querystate', { To_Account: [here, away, 'nobody'] });
    assert.deepEqual(QueryResult.map((r) => r.Status), ['Online', 'Offline']);
    assert.deepEqual(unknown, [{ To_Account: 'nobody', ErrorCode: 70107 }]);
    m.close();
  });

  it('are refused where something is wrong', async () => {
    const user = await cloud.imported('user');
    const message = { To_Account: user, MsgRandom: number(), MsgBody: text('x') };
    for (const [number, change] of [
      [90012, { To_Account: 'nobody' }],
      [20003, { From_Account: 'nobody' }],
      [90002, { MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Words: 'x' } }] }],
      [90005, { MsgRandom: 'x' }],
      [90007, { MsgBody: 'x' }],
      [90026, { MsgLifeTime: 604_801 }],
    ]) {
      assert.equal(await cloud.refusal('openim/sendmsg', { ...message, ...change }), number, JSON.stringify(change));
    }
  });
});

describe('who may speak', () => {
  const send = (m, id, words) => m.call('room.send', { room: id, random: number(), body: text(words) });

  for (const key of ['ShutUpTime', 'MuteTime']) {
    it(`E04 a member that is muted by ${key}`, async () => {
      const [id, user] = [await cloud.room(), await cloud.imported('loud')];
      const loud = await cloud.inRoom(user, id);
      assert.equal(await code(send(loud, id, 'before')), 0);
      await cloud.group('forbid_send_msg', { GroupId: id, Members_Account: [user], [key]: 600 });
      assert.equal(await code(send(loud, id, 'muted')), 10017);
      await loud.call('room.exit', { room: id });
      await loud.call('room.enter', { room: id });
      assert.equal(await code(send(loud, id, 'muted still')), 10017);
      const { ShuttedUinList: [old] } = await cloud.group('get_group_shutted_uin', { GroupId: id });
      const { MutedAccountList: [muted] } = await cloud.group('get_group_muted_account', { GroupId: id });
      assert.deepEqual([old.Member_Account, muted.Member_Account, old.ShuttedUntil], [user, user, muted.MutedUntil]);
      await cloud.group('forbid_send_msg', { GroupId: id, Members_Account: [user], [key]: 0 });
      assert.equal(await code(send(loud, id, 'after')), 0);
      loud.close();
    });
  }

  it('E05 a member that is banned gets nothing and stays out', async () => {
    const [id, user] = [await cloud.room(), await cloud.imported('rude')];
    const [rude, other] = [await cloud.inRoom(user, id), await cloud.inRoom(await cloud.imported('viewer'), id)];
    await cloud.group('ban_group_member', { GroupId: id, Members_Account: [user], Duration: 600 });
    await other.until((m) => m.k === 1 && contentOf(m).OpType === 10, 'the tip');
    assert.equal(await code(rude.call('room.enter', { room: id })), 10902);
    await cloud.group('send_group_msg', { GroupId: id, Random: number(), MsgBody: text('without you') });
    await other.until((m) => textOf(m) === 'without you', 'the message');
    assert.equal(rude.messages.some((m) => textOf(m) === 'without you'), false);
    const { BannedAccountList } = await cloud.group('get_group_ban_member', { GroupId: id, Limit: 10, Offset: 0 });
    assert.deepEqual(BannedAccountList.map((b) => b.Member_Account), [user]);
    await cloud.group('unban_group_member', { GroupId: id, Members_Account: [user] });
    assert.equal(await code(rude.call('room.enter', { room: id })), 0);
    for (const m of [rude, other]) m.close();
  });

  it('E10 what the callback before a message says', async () => {
    const [id, user] = [await cloud.room(), await cloud.imported('talker')];
    const [talker, other] = [await cloud.inRoom(user, id), await cloud.inRoom(await cloud.imported('viewer'), id)];
    const verdicts = { drop: { ErrorCode: 2 }, refuse: { ErrorCode: 10150, ErrorInfo: 'not today' }, deny: { ErrorCode: 1 } };
    cloud.callbacks.verdicts.set('Group.CallbackBeforeSendMsg', (body) => verdicts[body.MsgBody[0].MsgContent.Text.split(' ')[0]]);
    const say = (words) => cloud.callbacks.decided(words, (numbered) => send(talker, id, numbered));
    const dropped = await say('drop');
    assert.equal(dropped.error, undefined);
    const { error } = await say('refuse');
    assert.deepEqual([error.code, error.message], [10150, '10150 not today']);
    assert.equal((await say('deny')).error.code, 10016);
    const allowed = await say('allow');
    await other.until((m) => textOf(m) === allowed.text, 'what is allowed');
    assert.equal(other.messages.some((m) => textOf(m) === dropped.text), false);
    cloud.callbacks.verdicts.clear();
    for (const m of [talker, other]) m.close();
  });

  it('E12 what is too long', async () => {
    const [id, user] = [await cloud.room(), await cloud.imported('long')];
    const writer = await cloud.inRoom(user, id);
    const long = 'x'.repeat(12_289);
    assert.equal(await code(send(writer, id, long)), 80002);
    assert.equal(await cloud.refusal('group_open_http_svc/send_group_msg', { GroupId: id, Random: 1, MsgBody: text(long) }), 80002);
    assert.equal(await cloud.refusal('openim/sendmsg', { To_Account: user, MsgRandom: 1, MsgBody: text(long) }), 80002);
    const nick = 'n'.repeat(501);
    assert.equal(await cloud.refusal('profile/portrait_set', { From_Account: user, ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: nick }] }), 40001);
    assert.equal(await cloud.refusal('im_open_login_svc/account_import', { Identifier: user, Nick: nick }), 70402);
    await cloud.ok('profile/portrait_set', { From_Account: user, ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: nick.slice(1) }, { Tag: 'Tag_Profile_IM_Level', Value: 7 }] });
    const { UserProfileItem: [profile] } = await cloud.ok('profile/portrait_get', { To_Account: [user], TagList: ['Tag_Profile_IM_Level'] });
    assert.deepEqual(profile.ProfileItem, [{ Tag: 'Tag_Profile_IM_Level', Value: 7 }]);
    writer.close();
  });
});
