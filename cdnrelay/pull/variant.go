package pull

import (
	"cmp"
	"slices"
	"strings"

	"weir/mux/av"
	"weir/mux/hls"
)

// bestOf is the variant with the most bandwidth of those that can be carried, as far as they say what they have.
func bestOf(all []hls.VariantRef, takes func(av.Codec) bool) hls.VariantRef {
	some := slices.DeleteFunc(slices.Clone(all), func(v hls.VariantRef) bool { return !carried(v.Codecs, takes) })
	if len(some) == 0 {
		some = all // what comes tells why not
	}
	return slices.MaxFunc(some, func(a, b hls.VariantRef) int { return cmp.Compare(a.Bandwidth, b.Bandwidth) })
}

// videoNames are the codecs of pictures by the beginnings of their names (RFC 6381 3.3). CodecNone is one that weir does not know.
var videoNames = map[string]av.Codec{
	"avc1": av.CodecH264, "avc3": av.CodecH264, "hvc1": av.CodecH265, "hev1": av.CodecH265, "av01": av.CodecAV1, "vp09": av.CodecVP9,
	"dvh1": av.CodecNone, "dvhe": av.CodecNone, "dva1": av.CodecNone, "dvav": av.CodecNone, "dav1": av.CodecNone, "vvc1": av.CodecNone,
}

// foreignSound are names of sound that is not carried: Dolby's, DTS, FLAC, ALAC, MP3.
var foreignSound = []string{"ac-3", "ec-3", "ac-4", "dtsc", "dtse", "dtsh", "dtsx", "fLaC", "alac", "mp4a.40.34", "mp4a.69", "mp4a.6B", "mp4a.6b"}

// carried tells whether media of these codecs can be carried, as far as they are known.
func carried(codecs string, takes func(av.Codec) bool) bool {
	for name := range strings.SplitSeq(codecs, ",") {
		name = strings.TrimSpace(name)
		kind, _, _ := strings.Cut(name, ".")
		if c, ok := videoNames[kind]; ok && (c == av.CodecNone || !takes(c)) {
			return false
		}
		if slices.Contains(foreignSound, name) {
			return false
		}
	}
	return true
}

// soundOf is the address of the sound of a group, of which the default is taken; empty where the variants have it.
func soundOf(all []hls.Rendition, group string) (uri string) {
	for _, r := range all {
		if group != "" && r.Type == "AUDIO" && r.Group == group && (uri == "" || r.Default) {
			uri = r.URI
			if r.Default {
				break
			}
		}
	}
	return uri
}
