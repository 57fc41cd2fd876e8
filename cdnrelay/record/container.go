package record

import (
	"time"

	"weir/mux/av"
	"weir/room/store"
)

// container is a file of one format. Its times begin at 0. It is for one goroutine.
type container interface {
	// write takes the next frame of one of the tracks that the file was begun with, or a configuration that it takes.
	write(f *av.Frame) error
	// takes tells whether the file can go on where its tracks become ts.
	takes(ts av.Tracks) bool
	// holds tells whether there is media in it that is written.
	holds() bool
	// size is how large the file is, with what is not written yet.
	size() int64
	// finish completes the file, whose media ends at a time; split says that another file goes on there, which then begins
	// with the frames that finish returns. What it says of the file is true also where it fails.
	finish(at time.Duration, split bool) (carry []*av.Frame, facts facts, err error)
	// abandon completes the file of a disk that takes no more, as far as that goes.
	abandon() facts
}

// facts are what is known of a file that is complete.
type facts struct {
	duration time.Duration
	size     int64
	init     int64
	segments []store.RecordingSegment
}

// opener makes the container of a format in an output, which is empty. zero is the time of the stream at which the file
// begins.
type opener func(out *output, ts av.Tracks, zero time.Duration, o *Options) (container, error)

// formats are the containers by their names.
var formats = map[string]opener{FormatMP4: openMP4, FormatFLV: openFLV}

// carried is what a file has of a stream's tracks: the first picture and the first sound that have a configuration.
func carried(ts av.Tracks) (out av.Tracks) {
	for _, t := range []*av.Track{ts.Video(), ts.Audio()} {
		if t != nil && len(t.Config) > 0 {
			out = append(out, *t)
		}
	}
	return out
}
