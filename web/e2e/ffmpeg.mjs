// ffmpeg as the judge of what comes out.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LIMITS = { timeout: 30_000 };

/** Fails unless a stream has these codecs and ffmpeg decodes some seconds of it without a word. */
export async function checkDecodes(url, codecs, seconds) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', url], LIMITS);
  assert.deepEqual([...new Set(stdout.split(/[\s,]+/).filter(Boolean))].sort(), codecs.toSorted());
  // In the encoder's own time base, which ffmpeg guesses from the picture rate, two uneven pictures may share a tick.
  const decode = ['-v', 'error', '-nostdin', '-i', url, '-t', String(seconds), '-enc_time_base:v', '1:90000', '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', decode, LIMITS);
  assert.equal(stderr, '');
}
