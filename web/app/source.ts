/** A picture size that the studio offers, in pixels, and the video bitrate that suits it, in bit/s. */
export interface Size {
  width: number;
  height: number;
  maxBitrate: number;
}

const SIZES: Record<string, Size> = {
  '720': { width: 1280, height: 720, maxBitrate: 2_500_000 },
  '480': { width: 848, height: 480, maxBitrate: 1_500_000 },
  '360': { width: 640, height: 360, maxBitrate: 800_000 },
};

/** The size with the name of its height; 720 for a name that is none. */
export function sizeOf(name: string): Size {
  return SIZES[name] ?? (SIZES['720'] as Size);
}

/** What is broadcast: tracks, and the way to let go of everything behind them. */
export interface Source {
  readonly media: MediaStream;
  release(): void;
}

/** Device ids as the pickers give them. */
export const DEFAULT_DEVICE = 'default';
export const NO_DEVICE = 'none';

/** Opens camera and microphone; NO_DEVICE leaves one of them out. Throws an Error that says what to do. */
export async function openDevices(camera: string, microphone: string, size: Size): Promise<Source> {
  if (navigator.mediaDevices === undefined) {
    throw new Error('Browsers give camera and microphone only to pages from HTTPS or from localhost. The test picture works here.');
  }
  if (camera === NO_DEVICE && microphone === NO_DEVICE) throw new Error('Choose a camera, a microphone or both.');
  const { width, height } = size;
  const picture = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 }, ...pick(camera) };
  try {
    const media = await navigator.mediaDevices.getUserMedia({
      video: camera === NO_DEVICE ? false : picture,
      audio: microphone === NO_DEVICE ? false : pick(microphone),
    });
    return { media, release: () => stopTracks(media) };
  } catch (thrown) {
    throw new Error(explain(thrown), { cause: thrown });
  }
}

/** The cameras and microphones that the page may know of: their names come with the user's permission. */
export async function listDevices(kind: 'videoinput' | 'audioinput'): Promise<MediaDeviceInfo[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  // Chromium lists "default" and "communications" as devices of their own; the picker has its own default.
  return devices.filter((d) => d.kind === kind && !['', 'default', 'communications'].includes(d.deviceId));
}

export function stopTracks(media: MediaStream): void {
  for (const track of media.getTracks()) track.stop();
}

function pick(device: string): MediaTrackConstraints {
  return device === DEFAULT_DEVICE ? {} : { deviceId: { exact: device } };
}

function explain(thrown: unknown): string {
  switch (thrown instanceof DOMException ? thrown.name : '') {
    case 'NotAllowedError':
      return 'The browser was not allowed to use camera or microphone. Allow it in the address bar, or use the test picture.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'The camera or microphone was not found. Choose another one, or use the test picture.';
    case 'NotReadableError':
      return 'The camera or microphone is in use by another program.';
    default:
      return `Camera and microphone cannot be opened: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
