/** What codec lists are ordered by; RTCRtpCodec has it. */
interface NamedCodec {
  mimeType: string;
  sdpFmtpLine?: string;
}

/**
 * Puts H.264 first, packetization-mode 1 before 0 (RFC 6184 6.2: mode 0 cannot split a large picture), and keeps
 * everything else behind it in its order: the server chooses.
 */
export function preferH264<T extends NamedCodec>(codecs: readonly T[]): T[] {
  const rank = (codec: T): number => {
    if (codec.mimeType.toLowerCase() !== 'video/h264') return 2;
    return codec.sdpFmtpLine?.includes('packetization-mode=1') === true ? 0 : 1;
  };
  return codecs.toSorted((a, b) => rank(a) - rank(b));
}

/** The codecs that this browser can send, H.264 first; empty where it does not tell. */
export function sendableVideoCodecs(): RTCRtpCodec[] {
  const capabilities = globalThis.RTCRtpSender?.getCapabilities?.('video');
  return preferH264(capabilities?.codecs ?? []);
}

/** Whether this browser can encode H.264 for a call. */
export function canSendH264(): boolean {
  return sendableVideoCodecs()[0]?.mimeType.toLowerCase() === 'video/h264';
}
