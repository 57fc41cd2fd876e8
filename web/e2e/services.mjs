// Redis and PostgreSQL of a test's own, on sockets in a temporary folder.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const START_LIMIT = 30_000;

/** A program that runs until it is stopped. */
class Service {
  constructor(child, folder) {
    this.child = child;
    this.folder = folder;
  }

  async stop(signal) {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exit = once(this.child, 'exit');
      this.child.kill(signal);
      await exit;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function until(what, is) {
  for (const limit = Date.now() + START_LIMIT; !(await is().catch(() => false)); ) {
    if (Date.now() > limit) throw new Error(`${what} does not answer`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Starts Redis; { url, stop() }. */
export async function redis() {
  const folder = await mkdtemp(join(tmpdir(), 'weir-redis-'));
  const socket = join(folder, 'redis.sock');
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], { stdio: 'ignore' });
  const service = new Service(child, folder);
  await until('Redis', async () => (await run('redis-cli', ['-s', socket, 'ping'])).stdout.includes('PONG'));
  return { url: `unix://${socket}`, stop: () => service.stop('SIGTERM') };
}

/** Where Debian keeps PostgreSQL's programs, out of the path. */
function program(name) {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((x, y) => y - x) : [];
  return versions.map((v) => join(debian, v, 'bin', name)).find((path) => existsSync(path)) ?? name;
}

/** Starts PostgreSQL; { url, stop() }. It refuses to be root: then it is the user postgres. */
export async function postgres() {
  const folder = await mkdtemp(join(tmpdir(), 'weir-postgres-'));
  const options = { cwd: folder };
  if (process.geteuid() === 0) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'])));
    await chown(folder, uid, gid);
    Object.assign(options, { uid, gid });
  }
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  await run(program('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options);
  const child = spawn(program('postgres'), ['-D', data, '-k', folder, '-c', 'listen_addresses='], { ...options, stdio: 'ignore' });
  const service = new Service(child, folder);
  await until('PostgreSQL', () => run(program('psql'), ['-h', folder, '-U', 'postgres', '-c', 'SELECT 1']));
  return { url: `postgres:///postgres?host=${encodeURIComponent(folder)}&user=postgres`, stop: () => service.stop('SIGINT') };
}
