// A member of the room channel: the WebSocket at /im in the engine's JSON protocol, as much of it as tests need.
import { once } from 'node:events';
import WebSocket from 'ws';

const PATIENCE = 30_000;

/** What the server refuses a call with. */
export class Refused extends Error {
  constructor({ code, message }) {
    super(`${code} ${message}`);
    this.code = code;
  }
}

export class Member {
  #socket;
  #id = 0;
  #asked = new Map();
  #waiting = new Set();
  /** Every message that came, in order: { channel, q, t, f, k, b, … } as docs/im.md has them. */
  messages = [];
  /** Why the connection ended: { code, reason }. */
  closed = null;

  /** Connects as a user with its UserSig, or as an anonymous viewer without both. */
  static async connect(origin, { app, user = '', sig = '', platform = 'Web' }) {
    const member = new Member();
    member.#socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/im`);
    member.#socket.on('message', (text) => member.#frame(String(text)));
    member.#socket.on('close', (code, reason) => {
      member.closed = { code, reason: String(reason) };
      for (const { reject } of member.#asked.values()) reject(new Error(`closed: ${code} ${reason}`));
      member.#tell();
    });
    await once(member.#socket, 'open');
    member.welcome = await member.#ask({ connect: { token: sig, data: { app, user, platform } } });
    return member;
  }

  /** Calls a method and gives its answer; throws Refused. */
  async call(method, data = {}) {
    return (await this.#ask({ rpc: { method, data } })).data;
  }

  /** Waits until a message came for which `is` holds, among those behind the first `from`. */
  async until(is, what, from = 0) {
    const limit = Date.now() + PATIENCE;
    for (;;) {
      const found = this.messages.slice(from).find(is);
      if (found) return found;
      if (this.closed) throw new Error(`${what}: closed with ${this.closed.code} ${this.closed.reason}`);
      if (Date.now() > limit) throw new Error(`${what}: it did not come, but\n${JSON.stringify(this.messages)}`);
      await this.#change(limit);
    }
  }

  /** Waits until the server ended the connection. */
  async ended() {
    const limit = Date.now() + PATIENCE;
    while (!this.closed) {
      if (Date.now() > limit) throw new Error('the connection goes on');
      await this.#change(limit);
    }
    return this.closed;
  }

  close() {
    this.#socket.close();
  }

  #change(limit) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limit - Date.now() + 1);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #tell() {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  #ask(command) {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, ...command }));
    });
  }

  #frame(text) {
    for (const line of text.split('\n').filter(Boolean)) {
      const reply = JSON.parse(line);
      if (reply.id) this.#answer(reply);
      else if (reply.push?.pub) this.#publication(reply.push.channel, reply.push.pub.data);
      else if (line === '{}') this.#socket.send('{}'); // a ping
    }
    this.#tell();
  }

  #answer({ id, error, connect, rpc }) {
    const { resolve, reject } = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) reject(new Refused(error));
    else resolve(connect ?? rpc ?? {});
  }

  #publication(channel, data) {
    for (const message of data.m ?? []) this.messages.push({ channel, ...message });
  }
}

/** The text of a message's first element, if that is one. */
export const textOf = (message) => message.b?.[0]?.MsgContent?.Text;

/** The content of a message that is a tip (kind 1) or a notice (kind 2). */
export const contentOf = (message) => message.b?.[0]?.MsgContent;
