package segmenter

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
)

// tagOf is a strong validator of a text: one for each, compressed or not (RFC 9110 8.8.3.3).
func tagOf(text []byte) string {
	sum := fnv.New64a()
	_, _ = sum.Write(text) // a hash takes everything
	return `"` + strconv.FormatUint(sum.Sum64(), 36) + `"`
}

// isHeld tells whether a client says that it has what the tag is of, so that a 304 is enough (RFC 9110 13.1.2).
func isHeld(r *http.Request, tag string) bool {
	for _, list := range r.Header.Values("If-None-Match") {
		for held := range strings.SplitSeq(list, ",") {
			held = strings.TrimPrefix(strings.TrimSpace(held), "W/") // the weak comparison counts
			if held == tag || held == "*" {
				return true
			}
		}
	}
	return false
}
