// The light build is the same API without alternate audio, subtitles and DRM; the package has no types for it.
declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}
