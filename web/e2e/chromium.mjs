// Launches a headless Chromium that has a fake camera and microphone and may autoplay.
// It began as a copy of the project's browser harness (its launcher), cut down to what these tests use.
import { chromium } from 'playwright-core';

// Runs as root in a container; keeps the browser off every network service that a test does not ask for.
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream=fps=30',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
];

/** Starts a browser in a new, temporary profile, removed on close(). CHROMIUM names another binary than Debian's. */
export function launch() {
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
  return chromium.launch({ executablePath, headless: true, args: SWITCHES });
}
