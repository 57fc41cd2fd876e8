import { Session, type Endpoint } from './session';

/**
 * Plays by WHEP (draft-ietf-wish-whep): resolves when media flows into `media`, which then holds a track of each of the
 * `kinds` that the broadcast has, or, when none is known, of what the server agrees to. A kind that comes unexpectedly
 * calls `more`. It fails when the server withholds a kind, and as Session.open does.
 */
export async function openWhep(
  endpoint: Endpoint,
  media: MediaStream,
  kinds: readonly string[],
  more: () => void,
  signal: AbortSignal,
): Promise<Session> {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  // Always both kinds: nothing can be offered later, and a publisher may come back with more.
  for (const kind of ['audio', 'video']) {
    const { track } = connection.addTransceiver(kind, { direction: 'recvonly' }).receiver;
    // Elements play no sound beside pictures that do not come.
    if (kinds.length === 0 || kinds.includes(kind)) media.addTrack(track);
    else track.addEventListener('unmute', more);
  }
  const session = await Session.open(endpoint, connection, signal);
  for (const { currentDirection, receiver } of connection.getTransceivers()) {
    if (currentDirection === 'recvonly') continue;
    media.removeTrack(receiver.track);
    if (!kinds.includes(receiver.track.kind)) continue;
    void session.delete();
    session.close();
    throw new Error(`the server does not send the ${receiver.track.kind} by WebRTC`);
  }
  return session;
}
