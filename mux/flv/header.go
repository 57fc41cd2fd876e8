package flv

import (
	"time"

	"weir/mux/av"
)

// AppendHeader appends the file header and the first PreviousTagSize: 13 bytes (Adobe FLV 10.1, E.2). The
// flags must say what will really come: players wait for a track that was announced and ignore one that was not.
func AppendHeader(dst []byte, video, audio bool) []byte {
	var flags byte
	if video {
		flags |= 1
	}
	if audio {
		flags |= 4
	}
	return append(dst, 'F', 'L', 'V', 1, flags, 0, 0, 0, headerSize, 0, 0, 0, 0)
}

// AppendPreamble appends what a player must have before its first frame: header, metadata, and the sequence
// headers of the video and the audio track that have a configuration record, stamped at. That should not be
// later than any tag to come: sound may lie behind the key frame that a player joins at. encoder is the name
// in the metadata.
func AppendPreamble(dst []byte, ts av.Tracks, encoder string, at time.Duration) ([]byte, error) {
	return appendPreamble(dst, ts, encoder, at, false)
}

func appendPreamble(dst []byte, ts av.Tracks, encoder string, at time.Duration, file bool) ([]byte, error) {
	video, audio := carried(ts)
	dst = AppendHeader(dst, video != nil, audio != nil)
	dst = appendMetadata(dst, ts, encoder, file)
	for _, t := range [...]*av.Track{video, audio} {
		if t == nil {
			continue
		}
		var err error
		if dst, err = AppendSequenceHeader(dst, t, at); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// carried is the tracks that an FLV stream of ts has, each nil when there is none: it can carry one of each
// kind, and one that has no configuration record yet cannot be announced.
func carried(ts av.Tracks) (video, audio *av.Track) {
	if t := ts.Video(); t != nil && len(t.Config) > 0 {
		video = t
	}
	if t := ts.Audio(); t != nil && len(t.Config) > 0 {
		audio = t
	}
	return video, audio
}
