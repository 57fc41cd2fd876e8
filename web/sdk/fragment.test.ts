import { describe, expect, it } from 'vitest';
import { credentialsOf, fragment, restartedAnswer } from './fragment';

const lines = (...all: string[]) => `${all.join('\r\n')}\r\n`;

const offer = lines(
  'v=0',
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=ice-ufrag:EsAw',
  'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
  'a=mid:0',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=ice-ufrag:EsAw',
  'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
  'a=mid:1',
);

describe('RFC 9725 4.3.2: trickle', () => {
  const candidate = 'candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host';
  it('speaks of the first section, with its credentials', () => {
    expect(fragment(offer, [candidate], false)).toBe(
      lines('a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=ice-ufrag:EsAw', 'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1', `a=${candidate}`),
    );
  });
  it('says when there are no more', () => {
    expect(fragment(offer, [], true)).toMatch(/a=ice-pwd:\S+\r\na=end-of-candidates\r\n$/);
  });
});

describe('RFC 9725 4.3.3: restart', () => {
  const answer = lines(
    'v=0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=mid:0',
    'a=ice-ufrag:old1',
    'a=ice-pwd:oldpassword',
    'a=candidate:1 1 udp 1 198.51.100.1 1 typ host',
    'a=end-of-candidates',
    'a=recvonly',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'a=mid:1',
    'a=ice-ufrag:old1',
    'a=ice-pwd:oldpassword',
    'a=recvonly',
  );
  const reply = lines('m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=ice-ufrag:new1', 'a=ice-pwd:newpassword', 'a=candidate:1 1 udp 1 198.51.100.2 1 typ host', 'a=end-of-candidates');
  it('changes the credentials of every section and all candidates, and nothing else', () => {
    expect(restartedAnswer(answer, reply)).toBe(
      lines(
        'v=0',
        'm=audio 9 UDP/TLS/RTP/SAVPF 111',
        'a=mid:0',
        'a=ice-ufrag:new1',
        'a=ice-pwd:newpassword',
        'a=recvonly',
        'a=candidate:1 1 udp 1 198.51.100.2 1 typ host',
        'a=end-of-candidates',
        'm=video 9 UDP/TLS/RTP/SAVPF 96',
        'a=mid:1',
        'a=ice-ufrag:new1',
        'a=ice-pwd:newpassword',
        'a=recvonly',
      ),
    );
  });
  it('takes one section as well, and a reply with bare line feeds', () => {
    const one = answer.slice(0, answer.indexOf('m=video'));
    expect(restartedAnswer(one, reply.replaceAll('\r', ''))).toMatch(/new1\r\n.*newpassword\r\na=recvonly\r\na=candidate:1 1 udp 1 198\.51\.100\.2 1 typ host\r\na=end-of-candidates\r\n$/s);
  });
  it('refuses a reply without credentials', () => {
    expect(() => restartedAnswer(answer, 'a=mid:0\r\n')).toThrow('without credentials');
    expect(credentialsOf('a=ice-ufrag:x\r\n')).toBeNull();
    expect(credentialsOf(reply)).toEqual({ ufrag: 'new1', pwd: 'newpassword' });
  });
});
