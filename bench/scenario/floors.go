//go:build linux

package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"weir/bench/measure"
)

// tcpFloors are the forms of the floor that send a recording; the others send packets.
var tcpFloors = []string{"goroutines", "poll"}

// Floor measures the least programs alone, without the server: it only makes the recording.
func Floor(ctx context.Context, o Options) ([]measure.Run, error) {
	dir, err := os.MkdirTemp("", "weir-bench")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "recording.flv")
	if err := o.recordOnce(ctx, file); err != nil {
		return nil, err
	}
	slices.Sort(o.Viewers)
	var runs []measure.Run
	for range o.Repeat {
		for _, form := range o.Floors {
			more, err := o.floor(ctx, form, file)
			if err != nil {
				return nil, err
			}
			runs = append(runs, more...)
		}
	}
	return runs, nil
}

// floor measures one form at every joining that it has.
func (o *Options) floor(ctx context.Context, form, file string) (runs []measure.Run, err error) {
	if !slices.Contains(tcpFloors, form) {
		return o.fanoutPackets(ctx, form)
	}
	for _, join := range o.Joins {
		join, name, err := o.joining(ctx, join)
		if err != nil {
			return nil, err
		}
		more, err := o.fanoutFloor(ctx, form, file, join, name)
		if err != nil {
			return nil, err
		}
		runs = append(runs, more...)
	}
	return runs, nil
}

// recordOnce records what a viewer of the server gets.
func (o *Options) recordOnce(ctx context.Context, file string) error {
	s, err := o.start(ctx, 0)
	if err != nil {
		return err
	}
	defer s.stop()
	return record(ctx, s.HTTP, o.flv(), file, o.Record)
}
