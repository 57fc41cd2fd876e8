// The page "/watch/{room}/{stream}": plays one broadcast by WebRTC, FLV or HLS.
import type { StreamName } from '../sdk/address';
import type { LiveTrack } from '../sdk/api';
import { canPlay, FORM_NAMES, FORMS, type Choice, type Form } from '../sdk/form';
import { Player, type PlayerState } from '../sdk/player';
import { choiceIn, parseChoice, parseWatchPath, withChoice } from './address';
import { element, setText } from './dom';
import { formatDelay } from './format';

const STATS_INTERVAL = 1_000;
/** Where the viewer's choice of a form is kept. */
const CHOICE_KEY = 'weir.form';

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

function showChoice(choice: Choice): void {
  for (const radio of formRadios) radio.checked = radio.value === choice;
}

async function showStats(player: Player): Promise<void> {
  const delay = await player.delay();
  if (player.state !== 'playing') return setText(stats, '');
  const form = FORM_NAMES[video.dataset['form'] as Form];
  const size = video.videoWidth > 0 ? `${video.videoWidth}×${video.videoHeight} · ` : '';
  setText(stats, `${form} · ${size}${formatDelay(delay)} behind`);
}

/** The choice in the address, else the one of last time, else the page's own. */
function firstChoice(): Choice {
  return choiceIn(location.search) ?? parseChoice(remembered()) ?? 'auto';
}

function remembered(): string | null {
  try {
    return localStorage.getItem(CHOICE_KEY);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function remember(choice: Choice): void {
  history.replaceState(null, '', withChoice(location.search, choice) + location.hash);
  try {
    localStorage.setItem(CHOICE_KEY, choice);
  } catch {
    // It holds for this page then.
  }
}

async function toggleFullscreen(): Promise<void> {
  if (document.fullscreenElement !== null) return document.exitFullscreen();
  if (stage.requestFullscreen !== undefined) return stage.requestFullscreen();
  // iPhones know full screen for a video only.
  (video as HTMLVideoElement & { webkitEnterFullscreen?: () => void }).webkitEnterFullscreen?.();
}

function watch(name: StreamName): void {
  const choice = firstChoice();
  const player = new Player({
    video,
    origin: location.origin,
    name,
    // A link may bring a token or a signature for playing in its fragment, which browsers keep out of logs.
    query: location.hash.slice(1),
    choice,
    onForm: (form) => {
      video.dataset['form'] = form;
    },
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
    radio.disabled = FORMS.some((form) => form === radio.value && !canPlay(form, []));
    radio.addEventListener('change', () => {
      const chosen = parseChoice(radio.value) ?? 'auto';
      remember(chosen);
      player.choose(chosen);
    });
  }
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && player.state !== 'stopped' && video.paused) player.resume();
  });
  // Gone at once: the server need not find out, and the page may be kept to come back.
  let left = false;
  window.addEventListener('pagehide', () => {
    left = player.state !== 'stopped';
    player.stop();
  });
  window.addEventListener('pageshow', () => {
    if (left) player.start();
    left = false;
  });
  setInterval(() => void showStats(player), STATS_INTERVAL);
  showChoice(choice);
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
