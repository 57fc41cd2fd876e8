/**
 * SDP fragments of trickle ICE (RFC 8840 9), as RFC 9725 4.3 sends them in a PATCH: pure text. Only the first media
 * section is spoken of, since all are bundled.
 */

/** The credentials of one side's ICE agent. They are new after a restart. */
export interface Credentials {
  ufrag: string;
  pwd: string;
}

/** What a fragment for the server says; `sdp` is the local description that it belongs to. */
export function fragment(sdp: string, candidates: readonly string[], last: boolean): string {
  const lines = linesOf(sdp);
  const media = lines.findIndex((line) => line.startsWith('m='));
  const section = lines.slice(media);
  const own = ['a=mid:', 'a=ice-ufrag:', 'a=ice-pwd:'].map((name) => section.find((line) => line.startsWith(name)));
  const group = lines.find((line) => line.startsWith('a=group:BUNDLE'));
  const out = [group, section[0], ...own, ...candidates.map((candidate) => `a=${candidate}`)];
  if (last) out.push('a=end-of-candidates');
  return `${out.filter((line) => line !== undefined).join('\r\n')}\r\n`;
}

/** The credentials in a description or a fragment, or null when there are none. */
export function credentialsOf(sdp: string): Credentials | null {
  const [ufrag, pwd] = ['a=ice-ufrag:', 'a=ice-pwd:'].map((name) => linesOf(sdp).find((line) => line.startsWith(name))?.slice(name.length));
  return ufrag === undefined || pwd === undefined ? null : { ufrag, pwd };
}

/**
 * The answer of before, with the credentials and candidates of the fragment that a restart was answered with
 * (RFC 9725 4.3.3): what the restart does not speak of stays as it was negotiated.
 */
export function restartedAnswer(answer: string, reply: string): string {
  const fresh = credentialsOf(reply);
  if (fresh === null) throw new Error('the server restarted without credentials');
  const candidates = linesOf(reply).filter((line) => line.startsWith('a=candidate:') || line === 'a=end-of-candidates');
  const out: string[] = [];
  let sections = 0;
  for (const line of linesOf(answer)) {
    if (/^a=(candidate:|end-of-candidates|ice-ufrag:|ice-pwd:)/.test(line)) continue;
    if (line.startsWith('m=') && ++sections === 2) out.push(...candidates);
    out.push(line);
    // Behind the mid each section has its credentials, and the first one, when the next begins, the candidates.
    if (line.startsWith('a=mid:')) out.push(`a=ice-ufrag:${fresh.ufrag}`, `a=ice-pwd:${fresh.pwd}`);
  }
  if (sections === 1) out.push(...candidates);
  return `${out.join('\r\n')}\r\n`;
}

function linesOf(sdp: string): string[] {
  return sdp.split(/\r?\n/).filter((line) => line !== '');
}
