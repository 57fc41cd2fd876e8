// Package origin lets CDNs pull what weir plays: which app a domain is of, who pulls, what proves it, and how many pulls at
// once a CDN may have. The doors of playback serve pulls as they serve viewers; here is decided who is which, and counted.
// It starts no goroutine. Its own codes are pull_refused (403) and pulls_full (503).
package origin
