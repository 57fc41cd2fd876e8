import { stopTracks, type Size, type Source } from './source';

const FPS = 30;
const TONE = 440; // Hz
const LOUDNESS = 0.1;
const BARS = ['#c0c0c0', '#c0c000', '#00c0c0', '#00c000', '#c000c0', '#c00000', '#0000c0'];

/** Makes a test picture with a clock and a 440 Hz tone: a broadcast without any device. */
export function openTestPicture(size: Size): Source {
  const canvas = document.createElement('canvas');
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('This browser cannot draw the test picture.');
  let frame = 0;
  const draw = () => paint(context, frame++);
  draw();
  const ticker = new Worker(new URL('./ticker.ts', import.meta.url), { type: 'module' });
  ticker.addEventListener('message', draw);
  ticker.postMessage(FPS);

  const sound = new AudioContext({ sampleRate: 48_000 });
  const oscillator = new OscillatorNode(sound, { frequency: TONE });
  const output = new MediaStreamAudioDestinationNode(sound, { channelCount: 1 });
  oscillator.connect(new GainNode(sound, { gain: LOUDNESS })).connect(output);
  oscillator.start();

  const media = new MediaStream([...canvas.captureStream(FPS).getTracks(), ...output.stream.getTracks()]);
  return {
    media,
    release() {
      ticker.terminate();
      stopTracks(media);
      void sound.close();
    },
  };
}

function paint(context: CanvasRenderingContext2D, frame: number): void {
  const { width, height } = context.canvas;
  const bar = width / BARS.length;
  BARS.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(Math.floor(i * bar), 0, Math.ceil(bar), height * 0.62);
  });
  context.fillStyle = '#101820';
  context.fillRect(0, height * 0.62, width, height * 0.38);

  // One round every two seconds: a viewer sees at once whether pictures are missing.
  const progress = (frame % (2 * FPS)) / (2 * FPS);
  context.fillStyle = '#8fe0f2';
  context.fillRect(progress * width, height * 0.62, width / 60, height * 0.05);

  context.fillStyle = '#fff';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.font = `600 ${Math.round(height / 8)}px ui-monospace, monospace`;
  context.fillText(new Date().toISOString().slice(11, 23), width / 2, height * 0.79);
  context.font = `${Math.round(height / 24)}px ui-monospace, monospace`;
  context.fillText(`UTC · ${width}×${height} · picture ${frame}`, width / 2, height * 0.92);
}
