// The page "/watch/{room}/{stream}": plays one broadcast as FLV or HLS.
import type { StreamName } from '../sdk/address';
import type { LiveTrack } from '../sdk/api';
import { canPlayFLV, type Form } from '../sdk/engine';
import { Player, type PlayerState } from '../sdk/player';
import { parseForm, parseWatchPath, withForm } from './address';
import { element, setText } from './dom';

const STATS_INTERVAL = 500;

const root = element('root', HTMLElement);
const stage = element('stage', HTMLElement);
const video = element('video', HTMLVideoElement);
const veil = element('veil', HTMLElement);
const spinner = element('spinner', HTMLElement);
const message = element('message', HTMLElement);
const reasonLine = element('reason', HTMLElement);
const resume = element('resume', HTMLButtonElement);
const pill = element('state', HTMLElement);
const unmute = element('unmute', HTMLButtonElement);
const mute = element('mute', HTMLButtonElement);
const pause = element('pause', HTMLButtonElement);
const fullscreen = element('fullscreen', HTMLButtonElement);
const stats = element('stats', HTMLElement);
const soundOnly = element('sound-only', HTMLElement);
const formRadios = [...root.querySelectorAll<HTMLInputElement>('input[name="form"]')];

/** What the page says in a state: over the picture, on the pill, and whether it is busy with something. */
const FACES: Record<PlayerState, { message: string; pill: string; tone: string; busy: boolean }> = {
  stopped: { message: 'Paused', pill: '', tone: '', busy: false },
  waiting: { message: 'Not live yet. It starts here by itself.', pill: 'Waiting', tone: '', busy: true },
  connecting: { message: 'Connecting…', pill: 'Connecting', tone: 'wait', busy: true },
  playing: { message: '', pill: 'Live', tone: 'live', busy: false },
  interrupted: { message: 'Interrupted. Trying again…', pill: 'Interrupted', tone: 'wait', busy: true },
  ended: { message: 'The broadcast has ended.', pill: 'Ended', tone: '', busy: false },
};

function showState(state: PlayerState, reason: string): void {
  const face = FACES[state];
  root.dataset['state'] = state;
  root.dataset['reason'] = reason;
  setText(message, face.message);
  setText(reasonLine, reason);
  setText(pill, face.pill);
  pill.dataset['tone'] = face.tone;
  pill.hidden = face.pill === '';
  spinner.hidden = !face.busy;
  resume.hidden = state !== 'stopped';
  veil.hidden = state === 'playing';
  setText(pause, state === 'stopped' ? 'Play' : 'Pause');
  showSound();
}

function showTracks(tracks: LiveTrack[]): void {
  const kinds = tracks.map((track) => track.kind);
  root.dataset['tracks'] = kinds.join(' ');
  soundOnly.hidden = kinds.length === 0 || kinds.includes('video');
  showSound();
}

function showBlocked(): void {
  veil.hidden = false;
  spinner.hidden = true;
  setText(message, 'The browser asks for a click before it plays.');
  resume.hidden = false;
}

function showSound(): void {
  setText(mute, video.muted ? 'Unmute' : 'Mute');
  unmute.hidden = !video.muted || root.dataset['state'] !== 'playing' || root.dataset['tracks'] === 'video';
  mute.disabled = root.dataset['tracks'] === 'video';
}

function showForm(form: Form): void {
  video.dataset['form'] = form;
  for (const radio of formRadios) radio.checked = radio.value === form;
}

function showStats(player: Player): void {
  if (player.state !== 'playing') return setText(stats, '');
  const size = video.videoWidth > 0 ? `${video.videoWidth}×${video.videoHeight} · ` : '';
  setText(stats, `${size}${player.buffered.toFixed(1)} s buffered`);
}

async function toggleFullscreen(): Promise<void> {
  if (document.fullscreenElement !== null) return document.exitFullscreen();
  if (stage.requestFullscreen !== undefined) return stage.requestFullscreen();
  // iPhones know full screen for a video only.
  (video as HTMLVideoElement & { webkitEnterFullscreen?: () => void }).webkitEnterFullscreen?.();
}

function watch(name: StreamName): void {
  const form = parseForm(location.search) ?? (canPlayFLV() ? 'flv' : 'hls');
  const player = new Player({
    video,
    origin: location.origin,
    name,
    // A link may bring a token or a signature for playing in its fragment, which browsers keep out of logs.
    query: location.hash.slice(1),
    form,
    onState: showState,
    onTracks: showTracks,
    onBlocked: showBlocked,
  });
  const setMuted = (muted: boolean) => {
    video.muted = muted;
    showSound();
  };
  unmute.addEventListener('click', () => setMuted(false));
  mute.addEventListener('click', () => setMuted(!video.muted));
  pause.addEventListener('click', () => (player.state === 'stopped' ? player.start() : player.stop()));
  resume.addEventListener('click', () => (player.state === 'stopped' ? player.start() : player.resume()));
  fullscreen.addEventListener('click', () => void toggleFullscreen());
  for (const radio of formRadios) {
    radio.addEventListener('change', () => {
      const chosen: Form = radio.value === 'hls' ? 'hls' : 'flv';
      history.replaceState(null, '', withForm(location.search, chosen) + location.hash);
      showForm(chosen);
      player.choose(chosen);
    });
  }
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && player.state !== 'stopped' && video.paused) player.resume();
  });
  setInterval(() => showStats(player), STATS_INTERVAL);
  showForm(form);
  player.start();
}

const name = parseWatchPath(location.pathname);
if (name === null) {
  showState('stopped', '');
  setText(message, 'This address names no broadcast: it should read /watch/room/stream.');
  resume.hidden = true;
} else {
  setText(element('name', HTMLElement), `${name.room} / ${name.stream}`);
  document.title = `${name.room} / ${name.stream} · weir`;
  // The attribute sets the default only; browsers decide by the property whether playing needs a click.
  video.muted = true;
  watch(name);
}
