import { Session, type Endpoint } from './session';

/**
 * Plays by WHEP (draft-ietf-wish-whep): resolves when media flows into `media`, which then holds the tracks that the
 * server sends. `kinds` are those that the broadcast is known to have; it fails when the server withholds one of
 * them, and as Session.open does.
 */
export async function openWhep(endpoint: Endpoint, media: MediaStream, kinds: readonly string[], signal: AbortSignal): Promise<Session> {
  // Always both kinds: nothing can be added later, and a publisher may come back with more.
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  for (const kind of ['audio', 'video']) media.addTrack(connection.addTransceiver(kind, { direction: 'recvonly' }).receiver.track);
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
