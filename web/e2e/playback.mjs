// Looks at a playing <video> from inside its page: do pictures and sound go on, and is the sound no silence?

/** How long media may take at most before playMedia gives up: so much longer than in real time, and START_LIMIT more. */
const PATIENCE = 3;
const START_LIMIT = 30_000;

/** Waits until the watch page plays. */
export async function untilState(page, state, timeout = START_LIMIT) {
  await page.locator(`#root[data-state="${state}"]`).waitFor({ timeout });
}

/**
 * Lets the page's video play `seconds` of media and tells what happened meanwhile:
 * frames and audioBytes that were decoded, loudness (the loudest RMS, 0..1), pitch (Hz, of the strongest tone),
 * width, form, reasons (all that the player complained of), error (of the element) and readyState.
 */
export async function playMedia(page, seconds) {
  await page.evaluate(observe);
  await page.waitForFunction((s) => globalThis.observed.played() >= s, seconds, { timeout: START_LIMIT + seconds * PATIENCE * 1_000, polling: 250 });
  return page.evaluate(() => globalThis.observed.result());
}

/** Runs in the page. */
function observe() {
  const root = document.querySelector('#root');
  const video = document.querySelector('video');

  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 8_192, smoothingTimeConstant: 0 });
  const captured = video.captureStream();
  if (captured.getAudioTracks().length > 0) audio.createMediaStreamSource(captured).connect(analyser);

  const quality = () => video.getVideoPlaybackQuality();
  // The clock of an element that plays a stream without pictures stands still.
  const clock = () => (video.srcObject === null ? video.currentTime : performance.now() / 1_000);
  const start = { time: clock(), frames: quality().totalVideoFrames, audio: video.webkitAudioDecodedByteCount };
  const reasons = new Set();
  const noteReason = () => root.dataset.reason && reasons.add(root.dataset.reason);
  const observer = new MutationObserver(noteReason);
  observer.observe(root, { attributes: true, attributeFilter: ['data-reason'] });

  const samples = new Float32Array(analyser.fftSize);
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  let loudness = 0;
  let pitch = 0;
  const listen = () => {
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / samples.length);
    if (rms <= loudness) return;
    loudness = rms;
    analyser.getFloatFrequencyData(spectrum);
    pitch = (spectrum.indexOf(Math.max(...spectrum)) * audio.sampleRate) / analyser.fftSize;
  };
  const timer = setInterval(listen, 100);
  const stop = () => {
    clearInterval(timer);
    observer.disconnect();
    // Of a stream the tracks are the element's own.
    if (video.srcObject === null) captured.getTracks().forEach((track) => track.stop());
    void audio.close();
  };
  globalThis.observed = {
    stop,
    // A player that begins anew also begins its clock anew: then this never reaches its goal, and the test fails.
    played: () => clock() - start.time,
    result() {
      stop();
      return {
        frames: quality().totalVideoFrames - start.frames,
        audioBytes: video.webkitAudioDecodedByteCount - start.audio,
        loudness,
        pitch,
        width: video.videoWidth,
        form: video.dataset.form,
        reasons: [...reasons],
        error: video.error?.message ?? null,
        readyState: video.readyState,
      };
    },
  };
}
