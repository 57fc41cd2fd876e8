import { sendableVideoCodecs } from './codecs';
import { layerLimit, layersOf } from './layers';
import { Session, type Endpoint } from './session';

/** What a WHIP session is opened with. */
export interface WhipOptions extends Endpoint {
  /** At most one audio and one video track. The session sends them and never stops them. */
  media: MediaStream;
  /** Upper limit of the video bitrate in bit/s. */
  maxBitrate: number;
  /** Sends smaller layers beside the picture, so that HLS players can choose. It costs the encoder about a third more. */
  simulcast?: boolean;
}

/** Publishes `media` (RFC 9725) and resolves when it flows; it fails as Session.open does. */
export async function openWhip(options: WhipOptions, signal: AbortSignal): Promise<Session> {
  const connection = new RTCPeerConnection();
  try {
    await addTracks(connection, options);
  } catch (error) {
    connection.close();
    throw error;
  }
  return Session.open(options, connection, signal);
}

async function addTracks(connection: RTCPeerConnection, { media, maxBitrate, simulcast }: WhipOptions): Promise<void> {
  for (const track of media.getTracks()) {
    const init: RTCRtpTransceiverInit = { direction: 'sendonly', streams: [media] };
    if (simulcast === true && track.kind === 'video') init.sendEncodings = layersOf(maxBitrate);
    const transceiver = connection.addTransceiver(track, init);
    if (track.kind !== 'video') continue;
    const codecs = sendableVideoCodecs();
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
    await limitVideo(transceiver.sender, maxBitrate);
  }
}

/**
 * Sets the bitrate limit, and asks for fewer pictures instead of smaller ones when bandwidth is short: each change
 * of size is a new sequence header in every output, and Chromium would begin with four of them.
 */
export async function limitVideo(sender: RTCRtpSender, maxBitrate: number): Promise<void> {
  const parameters = sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  for (const encoding of parameters.encodings) encoding.maxBitrate = layerLimit(encoding.rid, maxBitrate);
  await sender.setParameters(parameters);
}
