// The page "/studio": publishes camera and microphone, or a test picture, by WHIP.
import { addresses } from '../sdk/address';
import { playAddresses, type PlayAddresses } from '../sdk/api';
import { canSendH264 } from '../sdk/codecs';
import { reasonOf } from '../sdk/problem';
import { Publisher, type PublisherState } from '../sdk/publisher';
import { parseStudioLink } from './address';
import { element, setText, wireCopyButtons } from './dom';
import { formatBitrate, formatCodec } from './format';
import { DEFAULT_DEVICE, listDevices, NO_DEVICE, openDevices, sizeOf, type Source } from './source';
import { openTestPicture } from './testpicture';

const STATS_INTERVAL = 1_000;
const LINK_KEY = 'weir.studio';

const root = element('root', HTMLElement);
const preview = element('preview', HTMLVideoElement);
const placeholder = element('placeholder', HTMLElement);
const form = element('broadcast', HTMLFormElement);
const go = element('go', HTMLButtonElement);
const stop = element('stop', HTMLButtonElement);
const mute = element('mute', HTMLButtonElement);
const pill = element('state', HTMLElement);
const stats = element('stats', HTMLElement);
const error = element('error', HTMLElement);
const links = element('links', HTMLElement);
const camera = element('camera', HTMLSelectElement);
const microphone = element('microphone', HTMLSelectElement);
const size = element('size', HTMLSelectElement);
const simulcast = element('simulcast', HTMLInputElement);
const where = element('where', HTMLDetailsElement);
const room = element('room', HTMLInputElement);
const stream = element('stream', HTMLInputElement);
const token = element('token', HTMLInputElement);
const sourceRadios = [...form.querySelectorAll<HTMLInputElement>('input[name="source"]')];

let source: Source | null = null;
let publisher: Publisher | null = null;

// --- Where to publish -------------------------------------------------------------------------------------------

/** The signature that the link brought for publishing; empty without one. */
let sign = '';

/** Takes the link out of the address bar, where it could be seen or copied, into this tab's storage. */
function readLink(): void {
  if (location.hash.length > 1) {
    sessionStorage.setItem(LINK_KEY, location.hash);
    history.replaceState(null, '', location.pathname + location.search);
  }
  const link = parseStudioLink(sessionStorage.getItem(LINK_KEY) ?? '');
  room.value = link.room;
  stream.value = link.stream;
  token.value = link.usersig;
  sign = link.sign;
  where.open = link.room === '' || link.stream === '' || (link.usersig === '' && sign === '');
  showName();
}

function keepLink(): void {
  const fields = new URLSearchParams({ room: room.value, stream: stream.value, usersig: token.value, sign });
  sessionStorage.setItem(LINK_KEY, `#${fields}`);
  showName();
}

function showName(): void {
  const known = room.value !== '' && stream.value !== '';
  setText(element('where-name', HTMLElement), known ? `${room.value} / ${stream.value}` : '');
}

function showLinks(): void {
  const name = { room: room.value, stream: stream.value };
  showAddresses(addresses(location.origin, name));
  // Where playing asks for a signature the server makes one; where it does not, or cannot tell, the plain ones stay.
  playAddresses(location.origin, name, token.value).then(showAddresses, () => {});
}

function showAddresses(urls: PlayAddresses): void {
  element('link-watch', HTMLInputElement).value = urls.watch;
  element('link-flv', HTMLInputElement).value = urls.flv;
  element('link-hls', HTMLInputElement).value = urls.hls;
  element('open-watch', HTMLAnchorElement).href = urls.watch;
  links.hidden = false;
}

// --- What to publish --------------------------------------------------------------------------------------------

/** Counts the changes of source, so that a slow one that was overtaken is thrown away. */
let opening = 0;

async function openSource(): Promise<void> {
  const turn = ++opening;
  const test = chosenSource() === 'test';
  element('devices', HTMLElement).hidden = test;
  try {
    const chosen = sizeOf(size.value);
    const next = test ? openTestPicture(chosen) : await openDevices(camera.value, microphone.value, chosen);
    if (turn !== opening) return next.release();
    await useSource(next);
    showError('');
  } catch (thrown) {
    if (turn !== opening) return;
    // A broadcast goes on with what it has.
    if (publisher === null) await useSource(null);
    showError(reasonOf(thrown));
  }
  await fillDevices();
}

async function useSource(next: Source | null): Promise<void> {
  const old = source;
  source = next;
  if (next !== null) {
    applyMute();
    await publisher?.replace(next.media, sizeOf(size.value).maxBitrate);
  }
  preview.srcObject = next?.media ?? null;
  old?.release();
  placeholder.hidden = next !== null && next.media.getVideoTracks().length > 0;
  setText(placeholder, next === null ? 'No source' : 'Sound only');
  mute.disabled = next !== null && next.media.getAudioTracks().length === 0;
  showControls();
}

function chosenSource(): string {
  return sourceRadios.find((radio) => radio.checked)?.value ?? 'camera';
}

async function fillDevices(): Promise<void> {
  await fillPicker(camera, 'videoinput');
  await fillPicker(microphone, 'audioinput');
}

async function fillPicker(picker: HTMLSelectElement, kind: 'videoinput' | 'audioinput'): Promise<void> {
  const devices = await listDevices(kind);
  const chosen = picker.value;
  const fixed = [...picker.options].filter((o) => o.value === DEFAULT_DEVICE || o.value === NO_DEVICE);
  const named = devices.map((d, i) => new Option(d.label || `Device ${i + 1}`, d.deviceId));
  picker.replaceChildren(...fixed.slice(0, 1), ...named, ...fixed.slice(1));
  picker.value = [...picker.options].some((o) => o.value === chosen) ? chosen : DEFAULT_DEVICE;
}

function applyMute(): void {
  const muted = mute.getAttribute('aria-pressed') === 'true';
  for (const track of source?.media.getAudioTracks() ?? []) track.enabled = !muted;
}

// --- Publishing -------------------------------------------------------------------------------------------------

function goLive(): void {
  if (source === null || publisher !== null) return;
  keepLink();
  showError('');
  const name = { room: room.value, stream: stream.value };
  publisher = new Publisher({
    // A token goes into a header; without one the signature of the link goes where it is in any signed address.
    url: addresses(location.origin, name).whip + (token.value.trim() === '' && sign !== '' ? `?sign=${encodeURIComponent(sign)}` : ''),
    token: token.value.trim(),
    media: source.media,
    maxBitrate: sizeOf(size.value).maxBitrate,
    simulcast: simulcast.checked,
    onState: showState,
  });
  publisher.start();
}

const LABELS: Record<PublisherState, string> = {
  idle: 'Ready',
  connecting: 'Connecting…',
  live: 'Live',
  interrupted: 'Interrupted, reconnecting…',
  ended: 'Ended',
};

function showState(state: PublisherState, reason: Error | null): void {
  root.dataset['state'] = state;
  setText(pill, state === 'ended' && reason !== null ? 'Failed' : LABELS[state]);
  pill.dataset['tone'] = state === 'live' ? 'live' : state === 'connecting' || state === 'interrupted' ? 'wait' : '';
  showError(reason === null ? '' : reasonOf(reason));
  if (state === 'live') {
    where.open = false;
    showLinks();
  }
  if (state === 'ended') {
    publisher = null;
    links.hidden = true;
    setText(stats, '');
  }
  showControls();
}

/** While a broadcast runs its name is fixed and so are its kinds of tracks: adding one would need a new offer. */
function showControls(): void {
  const running = publisher !== null;
  const steady = !running || publisher?.state === 'live';
  const test = chosenSource() === 'test';
  go.hidden = running;
  go.disabled = source === null;
  stop.hidden = !running;
  for (const input of [room, stream, token, simulcast]) input.disabled = running;
  for (const radio of sourceRadios) radio.disabled = running;
  size.disabled = !steady || (!test && camera.value === NO_DEVICE);
  for (const picker of [camera, microphone]) {
    picker.disabled = !steady || (running && picker.value === NO_DEVICE);
    for (const option of picker.options) option.disabled = running && option.value === NO_DEVICE;
  }
}

function showError(reason: string): void {
  setText(error, reason.charAt(0).toUpperCase() + reason.slice(1));
  error.hidden = reason === '';
}

async function showStats(): Promise<void> {
  const now = await publisher?.stats();
  if (now === null || now === undefined) return;
  const parts = now.bitrate > 0 ? [formatBitrate(now.bitrate)] : [];
  if (now.width > 0) parts.push(`${now.width}×${now.height}`, `${Math.round(now.fps)} fps`);
  parts.push(...now.codecs.map(formatCodec));
  if (now.rtt !== null) parts.push(`${Math.round(now.rtt * 1_000)} ms round trip`);
  setText(stats, parts.join(' · '));
}

// --- Wiring -----------------------------------------------------------------------------------------------------

form.addEventListener('submit', (event) => {
  event.preventDefault();
  goLive();
});
// A required field inside a closed <details> could not be shown to be missing.
form.addEventListener('invalid', () => (where.open = true), { capture: true });
stop.addEventListener('click', () => publisher?.stop());
mute.addEventListener('click', () => {
  mute.setAttribute('aria-pressed', String(mute.getAttribute('aria-pressed') !== 'true'));
  setText(mute, mute.getAttribute('aria-pressed') === 'true' ? 'Unmute sound' : 'Mute sound');
  applyMute();
});
for (const control of [camera, microphone, size, ...sourceRadios]) {
  control.addEventListener('change', () => void openSource());
}
for (const input of [room, stream, token]) input.addEventListener('input', showName);
window.addEventListener('hashchange', readLink);
window.addEventListener('pagehide', () => publisher?.stop());
setInterval(() => void showStats(), STATS_INTERVAL);

wireCopyButtons();
readLink();
element('codec', HTMLElement).hidden = canSendH264();
void openSource();
