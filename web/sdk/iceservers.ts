/** The ICE servers that a WHIP or WHEP answer names in its Link header (RFC 9725 4.6); none when it names none. */
export function iceServersOf(link: string | null): RTCIceServer[] {
  const servers: RTCIceServer[] = [];
  // A comma within <...> or a quoted string belongs to it (RFC 8288 3).
  for (const [, url = '', rest = ''] of (link ?? '').matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))*)/g)) {
    const parameters = new Map<string, string>();
    for (const [, name = '', quoted, plain] of rest.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/g)) {
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
    }
    if (parameters.get('rel') !== 'ice-server' || !/^(stuns?|turns?):/.test(url)) continue;
    const [username, credential] = [parameters.get('username'), parameters.get('credential')];
    servers.push(username === undefined || credential === undefined ? { urls: url } : { urls: url, username, credential });
  }
  return servers;
}
