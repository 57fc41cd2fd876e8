/** What a publisher sends. */
export interface PublishStats {
  /** Audio and video together, in bit/s; 0 in the first reading. */
  bitrate: number;
  /** Pictures a second; 0 without video. */
  fps: number;
  width: number;
  height: number;
  /** The codecs in use, "H264", "opus". */
  codecs: string[];
  /** Round trip to the server in seconds; null until it is known. */
  rtt: number | null;
}

/** What the next reading needs to know of the last one. */
export interface StatsMemory {
  bytes: number;
  /** DOMHighResTimeStamp in milliseconds. */
  time: number;
}

/** The members of RTCStats that are read here. */
interface Entry {
  type: string;
  timestamp: number;
  [member: string]: unknown;
}

/** Reads the values of an RTCStatsReport (W3C webrtc-stats) of a connection that only sends. */
export function readStats(report: Iterable<Entry>, before: StatsMemory | null): { stats: PublishStats; memory: StatsMemory } {
  const stats: PublishStats = { bitrate: 0, fps: 0, width: 0, height: 0, codecs: [], rtt: null };
  const memory: StatsMemory = { bytes: 0, time: 0 };
  for (const entry of report) {
    if (entry.type === 'codec' && typeof entry['mimeType'] === 'string') {
      stats.codecs.push(entry['mimeType'].replace(/^.*\//, ''));
    } else if (entry.type === 'remote-inbound-rtp' && typeof entry['roundTripTime'] === 'number') {
      stats.rtt = entry['roundTripTime'];
    } else if (entry.type === 'outbound-rtp') {
      memory.bytes += number(entry['bytesSent']);
      memory.time = Math.max(memory.time, entry.timestamp);
      stats.fps = Math.max(stats.fps, number(entry['framesPerSecond']));
      stats.width = Math.max(stats.width, number(entry['frameWidth']));
      stats.height = Math.max(stats.height, number(entry['frameHeight']));
    }
  }
  const elapsed = before === null ? 0 : memory.time - before.time;
  if (before !== null && elapsed > 0) {
    stats.bitrate = Math.max(0, ((memory.bytes - before.bytes) * 8_000) / elapsed);
  }
  return { stats, memory };
}

/** How long media waited in this browser, by the id of its statistics: sums of seconds and of pieces. */
export type DelayMemory = Record<string, { seconds: number; pieces: number }>;

/**
 * Reads from the values of an RTCStatsReport of a connection that only receives for how many seconds the pictures, or
 * else the sound, that came since the last reading were on their way from the server and then held back: half the round
 * trip and the jitter buffer.
 */
export function readDelay(report: Iterable<Entry & { id?: string }>, before: DelayMemory): { delay: number; memory: DelayMemory } {
  const memory: DelayMemory = {};
  const held: Record<string, number> = {};
  let way = 0;
  for (const entry of report) {
    if (entry.type === 'candidate-pair' && entry['nominated'] === true) way = number(entry['currentRoundTripTime']) / 2;
    if (entry.type !== 'inbound-rtp') continue;
    const id = entry.id ?? '';
    const now = { seconds: number(entry['jitterBufferDelay']), pieces: number(entry['jitterBufferEmittedCount']) };
    const last = before[id] ?? { seconds: 0, pieces: 0 };
    memory[id] = now;
    if (now.pieces > last.pieces) held[String(entry['kind'])] = (now.seconds - last.seconds) / (now.pieces - last.pieces);
  }
  return { delay: (held['video'] ?? held['audio'] ?? 0) + way, memory };
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
