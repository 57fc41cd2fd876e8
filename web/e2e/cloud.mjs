// A program for the cloud's IM REST interface with the host changed, and the app's own server that gets callbacks.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import axios1 from 'axios';
import TLSSigAPI from 'tls-sig-api-v2';
import { Member, Refused } from './im.mjs';
import { Server } from './server.mjs';

export const APP = 1400000000;
export const KEY = '5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e';
export const ADMIN = 'user0';
export const HALF_A_YEAR = 86_400 * 180;
export const signer = new TLSSigAPI.Api(APP, KEY);

export const text = (words) => [{ MsgType: 'TIMTextElem', MsgContent: { Text: words } }];
export const custom = (Data, Desc, Ext) => [{ MsgType: 'TIMCustomElem', MsgContent: { Data, Desc, Ext } }];
export const now = () => Math.floor(Date.now() / 1000);

let serial = 0;

/** A number or a name that nothing else has. */
export const number = () => ++serial;
export const fresh = (name) => `${name}-${++serial}`;

/** The number that a promise is refused with; 0 when it is not. */
export async function code(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error.code;
  }
  return 0;
}

/** The app's own server: it says yes to all, but where `verdicts` has another answer for a command. */
class Callbacks {
  verdicts = new Map();
  heard = [];
  answered = [];

  static async start() {
    const callbacks = new Callbacks();
    callbacks.server = createServer((request, response) => callbacks.#answer(request, response)).listen(0, '127.0.0.1');
    await once(callbacks.server, 'listening');
    callbacks.url = `http://127.0.0.1:${callbacks.server.address().port}/imcallback`;
    return callbacks;
  }

  /** Waits until a callback came for which `is` holds. */
  async until(command, is) {
    const limit = Date.now() + 30_000;
    for (;;) {
      const found = this.heard.find((c) => c.command === command && is(c.body));
      if (found) return found.body;
      if (Date.now() > limit) throw new Error(`${command} did not come, but\n${JSON.stringify(this.heard)}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /**
   * Sends a text, `words` and a number, by `send`, and gives what became of it. On a machine without time a verdict may
   * come too late, and the message goes on as if nobody had been asked: then it is sent anew, under another number.
   */
  async decided(words, send) {
    for (let i = 0; i < 20; i++) {
      const numbered = `${words} ${i}`;
      const outcome = await send(numbered).then((value) => ({ value }), (error) => ({ error }));
      if (this.answered.some(({ body }) => body.MsgBody?.[0].MsgContent.Text === numbered)) return { ...outcome, text: numbered };
    }
    throw new Error(`nobody was asked in time about ${words}`);
  }

  async #answer(request, response) {
    let text = '';
    for await (const part of request.setEncoding('utf8')) text += part;
    const command = new URL(request.url, this.url).searchParams.get('CallbackCommand');
    const body = JSON.parse(text);
    this.heard.push({ command, body, id: request.headers['x-weir-event-id'] });
    const verdict = this.verdicts.get(command)?.(body) ?? {};
    response.on('finish', () => this.answered.push({ command, body }));
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0, ...verdict }));
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** A server of its own with an app, and the calls of that app's backend. */
export class Cloud {
  static async start(more = {}) {
    const cloud = new Cloud();
    cloud.callbacks = await Callbacks.start();
    try {
      cloud.server = await Server.start({
        WEIR_AUTH_APP_ID: String(APP),
        WEIR_AUTH_KEY: KEY,
        WEIR_AUTH_ADMINS: `${ADMIN},administrator`,
        WEIR_IM_CALLBACK_URL: cloud.callbacks.url,
        ...more,
      });
    } catch (error) {
      cloud.callbacks.stop();
      throw error;
    }
    return cloud;
  }

  async stop() {
    try {
      await this.server.stop();
    } finally {
      this.callbacks.stop();
    }
  }

  /** Calls a command as the sample program does, through a version of axios, and gives the answer. */
  async call(axios, command, data, { sig = signer.genSig(ADMIN, HALF_A_YEAR), identifier = ADMIN, app = APP } = {}) {
    const client = axios.create({
      baseURL: this.server.origin,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    });
    const random = Math.floor(Math.random() * 0xffff_ffff);
    const query = `sdkappid=${app}&identifier=${identifier}&usersig=${sig}&random=${random}&contenttype=json`;
    const { status, data: answer } = await client.post(`/v4/${command}?${query}`, data);
    assert.equal(status, 200);
    assert.equal(answer.ActionStatus, answer.ErrorCode === 0 ? 'OK' : 'FAIL', JSON.stringify(answer));
    return answer;
  }

  /** The same with the newer axios, for an answer that has to be well. */
  async ok(command, data) {
    const answer = await this.call(axios1, command, data);
    assert.equal(answer.ErrorCode, 0, `${command}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** A call of the service of groups that has to be well. */
  group(command, data) {
    return this.ok(`group_open_http_svc/${command}`, data);
  }

  /** The number that a call is answered with. */
  async refusal(command, data) {
    return (await this.call(axios1, command, data)).ErrorCode;
  }

  /** A call of weir's own interface: the status and the body of its answer. */
  async api(method, path, body, sig = signer.genSig(ADMIN, HALF_A_YEAR)) {
    const response = await fetch(`${this.server.origin}/api/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${sig}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const answer = await response.text();
    return { status: response.status, body: answer && JSON.parse(answer) };
  }

  /** An account that was imported. */
  async imported(name, more = {}) {
    const user = fresh(name);
    await this.ok('im_open_login_svc/account_import', { Identifier: user, ...more });
    return user;
  }

  /** A room for everybody. */
  async room(more = {}) {
    const { GroupId } = await this.group('create_group', { Type: 'AVChatRoom', Name: 'live', GroupId: fresh('room'), ...more });
    return GroupId;
  }

  /** Connects as an account. */
  member(user, platform) {
    return Member.connect(this.server.origin, { app: APP, user, sig: signer.genSig(user, HALF_A_YEAR), platform });
  }

  /** Connects as an anonymous viewer. */
  guest() {
    return Member.connect(this.server.origin, { app: APP });
  }

  /** Connects as an account and enters a room. */
  async inRoom(user, id) {
    const m = await this.member(user);
    await m.call('room.enter', { room: id });
    return m;
  }
}
