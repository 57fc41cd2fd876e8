package hls

import "bytes"

// attrURI begins the URI of a tag, such as that of EXT-X-MAP.
const attrURI = `URI="`

// AppendCarrying appends a playlist with a query at the end of each of its URIs, which must have none: what a viewer
// proves its right with has to be in every address that its player goes on to. The query must be one that fits in a
// quoted string (RFC 8216bis 4.2).
func AppendCarrying(dst, playlist []byte, query string) []byte {
	if query == "" {
		return append(dst, playlist...)
	}
	for line := range bytes.Lines(playlist) {
		text := bytes.TrimSuffix(line, []byte("\n"))
		end := len(text) // of the URI
		switch begin := bytes.Index(text, []byte(attrURI)); {
		case len(text) == 0, text[0] == '#' && begin < 0:
			dst = append(dst, line...)
			continue
		case text[0] == '#':
			begin += len(attrURI)
			length := bytes.IndexByte(text[begin:], '"')
			if length < 0 {
				dst = append(dst, line...)
				continue
			}
			end = begin + length
		}
		dst = append(dst, text[:end]...)
		dst = append(dst, '?')
		dst = append(dst, query...)
		dst = append(dst, line[end:]...)
	}
	return dst
}
