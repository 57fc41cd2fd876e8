// Runs a weir server of its own for a test: free ports, an empty data directory, nothing left behind.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const REPOSITORY = resolve(import.meta.dirname, '../..');
const START_LIMIT = 30_000;
const STOP_LIMIT = 15_000;

export class Server {
  #binary;
  #env;
  #folder;
  #process;
  #log = '';

  constructor(binary, env, folder) {
    this.#binary = binary;
    this.#env = env;
    this.#folder = folder;
    this.origin = `http://${env.WEIR_HTTP_LISTEN}`;
  }

  /** Starts the binary that WEIR_BIN names, or one built from this checkout, with more WEIR_ variables, if any, and waits until it is ready. */
  static async start(more = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'weir-e2e-'));
    const binary = process.env.WEIR_BIN ? resolve(process.env.WEIR_BIN) : await build(folder);
    const [http, webrtc, rtmp, admin] = await freePorts(4);
    const env = {
      ...process.env,
      WEIR_HTTP_LISTEN: `127.0.0.1:${http}`,
      WEIR_WEBRTC_LISTEN: `127.0.0.1:${webrtc}`,
      WEIR_RTMP_LISTEN: `127.0.0.1:${rtmp}`,
      WEIR_ADMIN_LISTEN: `127.0.0.1:${admin}`,
      WEIR_DATA_DIR: join(folder, 'data'),
      ...more,
    };
    // The server warns of every WEIR_ variable that is none of its keys.
    delete env.WEIR_BIN;
    const server = new Server(binary, env, folder);
    try {
      await server.#serve();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** The addresses that `weir url` prints for a stream, by name: { studio, watch, … }; `more` are its flags. */
  async urls(room, stream, ...more) {
    const { stdout } = await run(this.#binary, ['url', '--room', room, '--stream', stream, ...more], { env: this.#env });
    const lines = stdout.matchAll(/^\s*([\w-]+):?\s+((?:https?|wss?|rtmps?):\/\/\S+)\s*$/gm);
    const urls = Object.fromEntries([...lines].map(([, name, url]) => [name, url]));
    if (!urls.studio) throw new Error(`weir url printed no studio address:\n${stdout}`);
    return urls;
  }

  /** What GET /live lists. */
  async live() {
    const response = await fetch(`${this.origin}/live`);
    if (!response.ok) throw new Error(`GET /live: ${response.status}`);
    return (await response.json()).streams;
  }

  /** Ends the server as an operator would; throws when it does not end, or ends badly. */
  async stop() {
    try {
      if (this.#process === undefined || hasExited(this.#process)) return;
      const exit = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_LIMIT);
      const [code, signal] = await exit;
      clearTimeout(timer);
      if (code !== 0) throw new Error(`the server ended with ${signal ?? code} on SIGTERM:\n${this.log}`);
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  /** Ends the process at once, as a power failure would. */
  async kill() {
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }

  /** Starts it again after kill, with the same data at the same addresses. */
  again() {
    return this.#serve();
  }

  /** The last part of what the server wrote. */
  get log() {
    return this.#log;
  }

  async #serve() {
    this.#process = spawn(this.#binary, ['serve'], { env: this.#env, cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const pipe of [this.#process.stdout, this.#process.stderr]) {
      pipe.setEncoding('utf8').on('data', (text) => {
        this.#log = (this.#log + text).slice(-20_000);
      });
    }
    const limit = Date.now() + START_LIMIT;
    for (;;) {
      if (hasExited(this.#process)) throw new Error(`the server did not start:\n${this.#log}`);
      // It answers before it takes messages: ready is who does both.
      if (await isReady(this.#env.WEIR_ADMIN_LISTEN)) return;
      if (Date.now() > limit) throw new Error(`the server does not get ready:\n${this.#log}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

async function isReady(admin) {
  const answer = await fetch(`http://${admin}/readyz`).catch(() => null);
  await answer?.text();
  return answer?.ok ?? false;
}

function hasExited(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

async function build(folder) {
  const binary = join(folder, 'weir');
  await run('go', ['build', '-o', binary, './cmd/weir'], { cwd: REPOSITORY, env: { ...process.env, CGO_ENABLED: '0' } });
  return binary;
}

/** Ports that nothing listens on now; all are held until the last is found, so they differ. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
