// A worker that says "now" at a steady rate: browsers slow the timers of a hidden page to one a second, and a
// studio is hidden as soon as its owner looks at the watch page.
self.addEventListener('message', (event: MessageEvent<number>) => {
  setInterval(() => self.postMessage(null), 1_000 / event.data);
});
