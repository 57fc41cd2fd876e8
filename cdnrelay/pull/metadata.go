package pull

import "weir/mux/rtmp"

// maxMetadata is how long a script may be that is looked into, in bytes. Those of encoders have some hundred.
const maxMetadata = 16 << 10

// announced are the kinds of tracks that a script announces, which is the body of an RTMP data message or of an FLV script
// tag (FLV E.5); ok is false for another one than onMetaData, and where it names no track.
func announced(script []byte) (pictures, sound, ok bool) {
	if len(script) > maxMetadata {
		return false, false, false
	}
	values, err := rtmp.DecodeAMF(script)
	if err != nil {
		return false, false, false
	}
	if len(values) > 0 && values[0] == "@setDataFrame" { // as publishers say it, and some servers hand it on
		values = values[1:]
	}
	if len(values) < 2 || values[0] != "onMetaData" {
		return false, false, false
	}
	facts, _ := values[1].(rtmp.Object)
	pictures, sound = names(facts["videocodecid"]), names(facts["audiocodecid"])
	return pictures, sound, pictures || sound
}

// names tells whether a codec id names a codec: nginx writes 0, or nothing behind the name, where there is none.
func names(id any) bool { return id != nil && id != 0.0 && id != "" }
