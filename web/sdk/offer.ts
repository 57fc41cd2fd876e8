/**
 * Says of every Opus that is only received that both channels are wanted (RFC 7587 6.1: "stereo" speaks of the
 * receiver): browsers leave it out of their offers and mix down to one.
 */
export function wantStereo(sdp: string): string {
  return sdp
    .split(/(?=^m=)/m)
    .map((section) => {
      if (!section.startsWith('m=audio') || !/^a=recvonly\r?$/m.test(section)) return section;
      const opus = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(section)?.[1];
      const parameters = new RegExp(`^(a=fmtp:${opus} (?!.*\\bstereo=)[^\\r\\n]*)`, 'm');
      return opus === undefined ? section : section.replace(parameters, '$1;stereo=1');
    })
    .join('');
}

/** Makes the offer that opens or restarts a session. */
export async function createOffer(connection: RTCPeerConnection, options?: RTCOfferOptions): Promise<{ type: 'offer'; sdp: string }> {
  const { sdp } = await connection.createOffer(options);
  return { type: 'offer', sdp: wantStereo(sdp ?? '') };
}
