package scenario

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"weir/bench/crowd"
	"weir/bench/floor"
	"weir/bench/measure"
)

// floorProcess is a floor that runs.
type floorProcess struct {
	*measure.Process
	addr     string
	pictures crowd.Source
}

// startFloor lets the floor send a recording.
func (o *Options) startFloor(ctx context.Context, form, file string, join time.Duration) (*floorProcess, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("cannot use the recording: %w", err)
	}
	rec, err := floor.Read(in)
	_ = in.Close() // read only
	if err != nil {
		return nil, err
	}
	process, ready, err := o.launchFloor(ctx, "-form", form, "-flv", file, "-join", join.String())
	if err != nil {
		return nil, err
	}
	return &floorProcess{process, ready.Listening, floorPictures(rec, ready.Origin)}, nil
}

// launchFloor starts the floor's program.
func (o *Options) launchFloor(ctx context.Context, args ...string) (*measure.Process, floor.Ready, error) {
	var ready floor.Ready
	cmd := exec.CommandContext(ctx, o.Floor, args...)
	cmd.Stderr = os.Stderr
	process, err := measure.Launch(cmd, func(line []byte) bool { return json.Unmarshal(line, &ready) == nil })
	if err != nil {
		return nil, ready, fmt.Errorf("cannot start the floor: %w", err)
	}
	return process, ready, nil
}

// floorPictures says when the floor sends which picture.
func floorPictures(rec *floor.Recording, origin time.Time) crowd.Source {
	once := crowd.NewPictures()
	for _, t := range rec.Tags {
		if ok, _ := t.Picture(); !ok {
			continue
		}
		for data := t.Video(); len(data) > 4; {
			n := min(int(binary.BigEndian.Uint32(data)), len(data)-4)
			once.SendAt(data[4:4+n], origin.Add(t.DTS))
			data = data[4+n:]
		}
	}
	return crowd.NewRounds(once, rec.Length)
}
