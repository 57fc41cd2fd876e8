package srt

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"weir/cdnrelay/push"
	"weir/testdata/samples"
)

// TestSeveralAddresses: of a name's addresses the first one that answers is taken, and where none does it is told what came of
// those that may be connected to.
func TestSeveralAddresses(t *testing.T) {
	p := publish(t, samples.H264)
	good := listen(t, answers(nil)).LocalAddr().String()
	rejects := listen(t, answers(at(conclusion, func(h *handshake) { h.kind = 1403 }))).LocalAddr().String()
	nobody := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	const closed = "127.0.0.2:9000" // the guard's
	for name, c := range map[string]struct {
		all  []string
		want error
	}{
		"nobody, then a listener":          {[]string{nobody, good}, nil},
		"nobody, a listener that rejects":  {[]string{nobody, rejects}, push.ErrRefused},
		"closed, then a listener":          {[]string{closed, good}, nil},
		"a listener that rejects, another": {[]string{rejects, good}, push.ErrRefused},
		"closed, nobody":                   {[]string{closed, nobody}, push.ErrConnect},
		"nobody, closed":                   {[]string{nobody, closed}, push.ErrConnect},
		"closed alone":                     {[]string{closed, closed}, push.ErrAddress},
	} {
		t.Run(name, func(t *testing.T) {
			to := target(t, p, "srt://listener.example.com:9000")
			source, err := units(to.Stream, to.Audio)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			s, err := reach(ctx, &to, &settings{keySize: defaultKeySize}, source, c.all)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil {
				s.start()
				s.Close(ctx)
			}
			if !errors.Is(c.want, push.ErrAddress) && errors.Is(err, push.ErrAddress) {
				t.Errorf("it says that there is no use in another try: %v", err)
			}
		})
	}
}

// TestShare: an address that does not answer leaves time for the others.
func TestShare(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	whole, _ := ctx.Deadline()
	for tries, least := range map[int]time.Duration{1: 0, 2: 29 * time.Minute, 4: 44 * time.Minute} {
		try, cancel := share(ctx, tries)
		if end, _ := try.Deadline(); whole.Sub(end) < least {
			t.Errorf("one of %d leaves %v", tries, whole.Sub(end))
		}
		cancel()
	}
	if !silent(failure(ctx, context.DeadlineExceeded)) {
		t.Error("the next address is not tried")
	}
}

// TestAddressesOf: an address that is written in numbers is itself.
func TestAddressesOf(t *testing.T) {
	for text, want := range map[string]string{
		"srt://127.0.0.1:9000": "127.0.0.1:9000", "srt://[::1]:9000?latency=1": "[::1]:9000", "srt://[fe80::1%25lo]:1": "[fe80::1%lo]:1",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := addressesOf(t.Context(), u); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}
