import { describe, expect, it } from 'vitest';
import { parseProblem, parseRetryAfter, Problem, problemOf, reasonOf } from './problem';

const json = 'application/problem+json';

describe('parseProblem', () => {
  it.each([
    ['the detail', '{"title":"Not allowed","code":"usersig_expired","detail":"it expired"}', json, 'it expired', 'usersig_expired'],
    ['the title without a detail', '{"title":"Not allowed","code":"x"}', json, 'Not allowed', 'x'],
    ['with a charset', '{"detail":"d"}', `${json}; charset=utf-8`, 'd', ''],
    ['the status of a page', '<h1>Bad Gateway</h1>', 'text/html', 'the server answered 403 Forbidden', ''],
    ['the status of broken JSON', '{', json, 'the server answered 403 Forbidden', ''],
    ['the status of null', 'null', json, 'the server answered 403 Forbidden', ''],
    ['the status when members have other types', '{"detail":7,"code":{}}', json, 'the server answered 403 Forbidden', ''],
  ])('gives %s', (_name, body, type, message, code) => {
    const problem = parseProblem(body, type, 403, 'Forbidden');
    expect({ message: problem.message, code: problem.code, status: problem.status }).toEqual({ message, code, status: 403 });
  });

  it('bounds the text', () => {
    const body = JSON.stringify({ detail: 'x'.repeat(10_000) });
    expect(parseProblem(body, json, 400, '').message).toHaveLength(300);
  });
});

it.each([
  [400, true],
  [401, true],
  [403, true],
  [409, false],
  [429, false],
  [503, false],
])('%d is final: %s', (status, final) => expect(new Problem('', status, '').final).toBe(final));

it('is not final when the server names a time', () => expect(new Problem('', 404, '', 2_000).final).toBe(false));

it.each([
  ['2', 2_000],
  ['0', 0],
  ['86400', 60_000],
  ['Thu, 01 Jan 1970 00:00:13 GMT', 3_000],
  ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
  ['-1', null],
  ['soon', null],
  ['', null],
  [null, null],
])('RFC 9110 10.2.3: Retry-After %s', (value, want) => expect(parseRetryAfter(value, 10_000)).toBe(want));

it('reads a response', async () => {
  const response = new Response('{"detail":"no H.264"}', { status: 422, headers: { 'Content-Type': json, 'Retry-After': '3' } });
  expect(await problemOf(response)).toMatchObject({ message: 'no H.264', status: 422, retryAfter: 3_000 });
});

it.each([
  [new TypeError('Failed to fetch'), 'the server cannot be reached'],
  [new Error('x'), 'x'],
  ['y', 'y'],
])('reasonOf %s', (thrown, want) => expect(reasonOf(thrown)).toBe(want));
