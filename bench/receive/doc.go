// Package receive starts programs that are not weir's and take what weir sends: nginx with its RTMP module, as a CDN's
// door, and ffmpeg as a listener for one push. nginx also serves as the cache of a CDN. It judges nothing: tests read
// what was recorded. A process belongs to who started it and is gone when Stop or Kill has returned.
package receive
