package segmenter

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"weir/mux/av"
	"weir/mux/hls"
	"weir/room/live"
)

// layerWait is how long a multivariant playlist waits for the first segments of the simulcast layers. Key frames of
// all are asked for together, so they are there with that of the main video, or late for a reason.
const layerWait = time.Second

// layerPrefix begins the names of the layers' media playlists: layer-q.m3u8.
const layerPrefix, playlistSuffix = "layer-", ".m3u8"

// newestOf is the newest segmenter of a layer (empty: of the main video) in a list, or nil.
func newestOf(list []*Segmenter, layer string) *Segmenter {
	for _, s := range slices.Backward(list) {
		if s.layer == layer {
			return s
		}
	}
	return nil
}

// playlistLayer is the layer that a media playlist's file name stands for; ok is false for other files.
func playlistLayer(name string) (layer string, ok bool) {
	if name == mediaName {
		return "", true
	}
	layer, found := strings.CutPrefix(name, layerPrefix)
	layer, ok = strings.CutSuffix(layer, playlistSuffix)
	return layer, found && ok && layer != ""
}

// playlistName is the inverse of playlistLayer.
func playlistName(layer string) string {
	if layer == "" {
		return mediaName
	}
	return layerPrefix + layer + playlistSuffix
}

// source is where the frames come from: audio that is not Opus goes out as it is, and video is the main one or that
// of the layer.
func (s *Segmenter) source(ctx context.Context) (live.Source[live.Frame], error) {
	if err := s.stream.Ready(ctx); err != nil {
		return nil, err
	}
	if s.opts.Audio == av.CodecOpus {
		return s.stream.Layer(s.layer, "published", s.stream)
	}
	frames, err := s.stream.WithAudio(s.opts.Audio)
	if err != nil {
		return nil, err
	}
	return s.stream.Layer(s.layer, s.opts.Audio.String(), frames)
}

// variants are those of a stream: its main video, and every simulcast layer that is smaller, the largest first. Each
// is cut for itself, at the key frames that they share. A player puts them together by EXT-X-PROGRAM-DATE-TIME, and
// by timestamps of one clock; their discontinuities have numbers apart, since only the main video steps between sizes.
//
// layer names one that is wanted alone. A layer that is late or gone is left out beside others.
func (m *Segmenters) variants(asked context.Context, key live.Key, layer string, uri func(layer string) string) ([]hls.Variant, error) {
	first, err := m.window(asked, key, layer)
	if err != nil {
		return nil, err
	}
	out := []hls.Variant{first.variant(uri(layer))}
	if layer != "" {
		return out, nil
	}
	ctx, stop := context.WithTimeoutCause(asked, layerWait, ErrNotReady)
	defer stop()
	var names []string
	var started []*Segmenter
	for _, name := range m.below(key, out[0]) {
		if s, err := m.segmenter(ctx, key, name); err == nil {
			names, started = append(names, name), append(started, s)
		}
	}
	for i, s := range started {
		w, err := s.shown(ctx)
		if err == nil {
			out = append(out, w.variant(uri(names[i])))
		} else if asked.Err() != nil || errors.Is(err, ErrStopping) {
			return nil, err
		}
	}
	return out, nil
}

// below are the names of the layers that are smaller than the main video, the largest first.
func (m *Segmenters) below(key live.Key, main hls.Variant) []string {
	stream, ok := m.live.Stream(key)
	if !ok {
		return nil
	}
	var layers []av.Track
	for _, t := range stream.Tracks() {
		if t.Layer != "" && t.Width*t.Height < main.Width*main.Height {
			layers = append(layers, t)
		}
	}
	slices.SortFunc(layers, func(a, b av.Track) int { return cmp.Compare(b.Width*b.Height, a.Width*a.Height) })
	var names []string
	for _, t := range layers {
		names = append(names, t.Layer)
	}
	return names
}

// variant describes the window as a line of a multivariant playlist.
func (w *Window) variant(uri string) hls.Variant {
	init := w.init()
	return hls.Variant{
		URI: uri, Codecs: init.Codecs, Width: init.Width, Height: init.Height,
		Bandwidth: bandwidth(w.Peak * headroom), AverageBandwidth: bandwidth(w.average()),
	}
}
