package scenario

import (
	"context"
	"fmt"
	"io"
	"time"

	"weir/bench/measure"
)

// patience is how long an answer or a picture may take.
const patience = 30 * time.Second

// The server's settings of the joining, as a key and in the environment: how long it is, and how long it may become
// while the machine has more to do than it can.
const (
	joinKey        = "flv.join"
	joinSetting    = "WEIR_FLV_JOIN="
	joinMaxSetting = "WEIR_FLV_JOIN_MAX="
)

// Default stands for the joining that the server's configuration has by default.
const Default = time.Duration(-1)

// Options are what the scenarios have in common. A scenario reads what it needs.
type Options struct {
	// Weir and Floor are the programs: the server and the floor.
	Weir, Floor string
	// Settings are more settings of the server, NAME=value.
	Settings []string
	// H264 and Ogg are the files that are published. Without Ogg there is no sound.
	H264, Ogg string
	// Streams are the numbers of publishers, one after another.
	Streams []int
	// Viewers are the numbers of viewers, one after another.
	Viewers []int
	// Joins are how long frames are collected into one write; 0 writes each.
	Joins []time.Duration
	// Query is what FLV viewers add to the address, such as audio=opus.
	Query string
	// Floors are the forms of the floor that are measured in the same run; none leaves them out.
	Floors []string
	// Probes of the viewers look at every picture.
	Probes int
	// Record is how long the first viewer is alone: long enough for two key frames, and for rings to fill.
	Record time.Duration
	// Settle is how long viewers watch before they are measured, Duration how long they are.
	Settle, Duration time.Duration
	// Repeat is how often all is measured.
	Repeat int
	// Profile is a file for a CPU profile of the server's last run; empty: none is taken, for it costs some CPU.
	Profile string
	// Progress is told what is going on.
	Progress io.Writer
}

// flv is the path of FLV viewers.
func (o *Options) flv() string {
	if o.Query == "" {
		return flvPath
	}
	return flvPath + "?" + o.Query
}

func (o *Options) say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Progress, format+"\n", args...) // it is for the eye
}

// joining is a joining with Default looked up, and the name of its case.
func (o *Options) joining(ctx context.Context, join time.Duration) (time.Duration, string, error) {
	switch join {
	case 0:
		return 0, "every frame", nil
	case Default:
		text, err := measure.Setting(ctx, o.Weir, joinKey)
		if err != nil {
			return 0, "", err
		}
		join, err := time.ParseDuration(text)
		return join, "default, " + text, err
	default:
		return join, "joined " + join.String(), nil
	}
}
