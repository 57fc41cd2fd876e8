// Command weir-publish publishes an H.264 and an Opus file to a WHIP endpoint in real time and prints one line of
// JSON statistics at its end. It is a thin shell around package publish and owns no goroutine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"weir/bench/publish"
)

// stats is what is printed at the end.
type stats struct {
	ConnectMS int64        `json:"connect_ms"`
	Seconds   float64      `json:"seconds"`
	Video     publish.Sent `json:"video"`
	Audio     publish.Sent `json:"audio"`
	PLI       uint64       `json:"pli"`
	NACK      uint64       `json:"nack"`
	Error     string       `json:"error,omitempty"`
}

// settings are what the flags say.
type settings struct {
	publish.Options
	duration time.Duration // 0: until the files are over, or for ever
	timeout  time.Duration // of connecting
	kill     bool
	loss     float64 // share of RTP packets lost on the way out
}

func main() {
	set, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir-publish:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	st, err := run(ctx, set)
	stop()
	if err != nil {
		st.Error = err.Error()
	}
	if printed := json.NewEncoder(os.Stdout).Encode(st); err != nil || printed != nil {
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var set settings
	var codecs string
	fs := flag.NewFlagSet("weir-publish", flag.ContinueOnError)
	fs.StringVar(&set.URL, "url", "http://127.0.0.1:8080/whip/demo/main", "WHIP endpoint")
	fs.StringVar(&set.Token, "token", os.Getenv("WEIR_TOKEN"), "bearer token (default: $WEIR_TOKEN, which keeps it out of the process list)")
	fs.StringVar(&set.H264, "h264", "", "H.264 Annex B file")
	fs.StringVar(&set.Video, "video", "", "file of another codec instead: H.265 Annex B, or AV1 or VP9 in IVF")
	fs.Func("layer", "a layer of a simulcast as name=file, in place of -h264; twice or more, and without -rtx", set.addLayer)
	fs.StringVar(&set.Ogg, "ogg", "", "Ogg Opus file")
	fs.IntVar(&set.FPS, "fps", 30, "pictures a second")
	fs.BoolVar(&set.Loop, "loop", true, "begin the files again when they are over")
	fs.IntVar(&set.MTU, "mtu", 1200, "largest RTP packet in bytes")
	fs.BoolVar(&set.StapA, "stap-a", true, "send parameter sets in one STAP-A")
	fs.BoolVar(&set.RTX, "rtx", true, "offer retransmission in a stream of its own")
	fs.BoolVar(&set.StereoFmtp, "stereo", true, "offer Opus with stereo=1")
	fs.StringVar(&codecs, "video-codecs", "", "video codecs offered (default: that of the file), of "+strings.Join(publish.VideoCodecs(), ", "))
	fs.BoolVar(&set.SkipPLI, "skip-pli", false, "be deaf to key frame requests")
	fs.BoolVar(&set.SkipSR, "skip-sr", false, "send no RTCP sender reports")
	fs.Float64Var(&set.loss, "loss", 0, "share of RTP packets to lose, 0 to 1")
	fs.DurationVar(&set.duration, "duration", 0, "end after this time (default: when the files are over or on a signal)")
	fs.DurationVar(&set.timeout, "timeout", 10*time.Second, "time to connect")
	fs.BoolVar(&set.kill, "kill", false, "vanish at the end as by SIGKILL, instead of DELETE")
	if err := fs.Parse(args); err != nil {
		return set, err
	}
	if fs.NArg() > 0 {
		return set, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	set.RTX = set.RTX && len(set.Layers) == 0
	if codecs != "" {
		set.VideoCodecs = strings.Split(codecs, ",")
	}
	if set.loss > 0 {
		set.DropRTP = func(uint16, bool) bool { return rand.Float64() < set.loss }
	}
	return set, nil
}

// addLayer takes a -layer.
func (set *settings) addLayer(value string) error {
	rid, file, ok := strings.Cut(value, "=")
	if !ok {
		return fmt.Errorf("%q is not name=file", value)
	}
	set.Layers = append(set.Layers, publish.Layer{RID: rid, H264: file})
	return nil
}

func run(ctx context.Context, set settings) (stats, error) {
	begin := time.Now()
	connecting, cancel := context.WithTimeout(ctx, set.timeout)
	s, err := publish.Start(connecting, set.Options)
	cancel()
	if err != nil {
		return stats{}, err
	}
	st := stats{ConnectMS: time.Since(begin).Milliseconds()}
	fmt.Fprintln(os.Stderr, "publishing, session", s.URL())
	err = last(ctx, s, set.duration)
	st.Seconds = time.Since(s.Origin()).Seconds()
	if end := leave(s, set); err == nil {
		err = end
	}
	st.Video, st.Audio, st.PLI, st.NACK = s.SentVideo(), s.SentAudio(), s.PLICount(), s.NACKCount()
	return st, err
}

// last waits for the end: of the files, of the connection, of the time or by a signal.
func last(ctx context.Context, s *publish.Session, duration time.Duration) error {
	if duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, duration)
		defer cancel()
	}
	select {
	case <-s.Done():
		return s.Wait()
	case <-ctx.Done():
		return nil
	}
}

func leave(s *publish.Session, set settings) error {
	if set.kill {
		s.Kill()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Delete(ctx)
}
