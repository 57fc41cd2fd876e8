/** One layer of a simulcast, relative to the whole picture. */
interface Layer {
  rid: string;
  /** How many times smaller its sides are. */
  scale: number;
  /** Its share of the bitrate limit: small pictures need more of it for each pixel. */
  share: number;
}

/** The layers that are sent, the smallest first, as browsers give bandwidth to them. */
const LAYERS: Layer[] = [
  { rid: 'q', scale: 4, share: 0.1 },
  { rid: 'h', scale: 2, share: 0.3 },
  { rid: 'f', scale: 1, share: 1 },
];

/** What to ask of the encoder for each layer of a simulcast, the largest of which is limited to maxBitrate (bit/s). */
export function layersOf(maxBitrate: number): RTCRtpEncodingParameters[] {
  return LAYERS.map(({ rid, scale }) => ({ rid, scaleResolutionDownBy: scale, maxBitrate: layerLimit(rid, maxBitrate) }));
}

/** The bitrate limit of the encoding of a name, which is undefined without simulcast. */
export function layerLimit(rid: string | undefined, maxBitrate: number): number {
  return Math.round(maxBitrate * (LAYERS.find((layer) => layer.rid === rid)?.share ?? 1));
}
