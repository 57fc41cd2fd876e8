import { expect, it } from 'vitest';
import { iceServersOf } from './iceservers';

it.each([
  ['nothing', null, []],
  ['STUN', '<stun:stun.example.net>; rel="ice-server"', [{ urls: 'stun:stun.example.net' }]],
  [
    'RFC 9725 4.6: TURN with its credentials, and STUN',
    '<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; username="1700000000:host"; credential="a\\"b,c;d"; credential-type="password"',
    [{ urls: 'stun:stun.example.net' }, { urls: 'turn:turn.example.net?transport=udp', username: '1700000000:host', credential: 'a"b,c;d' }],
  ],
  ['other relations', '</next>; rel="next", <turns:t.example.net>; rel=ice-server', [{ urls: 'turns:t.example.net' }]],
  ['what is no ICE server', '<https://example.net>; rel="ice-server"', []],
])('%s', (_, link, want) => {
  expect(iceServersOf(link)).toEqual(want);
});
