package httpflv

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/auth"
)

// until grants everything until a time.
type until time.Time

func (u until) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: 1, Rights: auth.RightsAll, Ends: time.Time(u)}, nil
}

// TestExpired: a viewer whose address promised an end leaves then, with a whole response, while the stream goes on.
func TestExpired(t *testing.T) {
	o := testOptions()
	o.Auth = until(time.Now().Add(200 * time.Millisecond))
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	if _, err := io.Copy(io.Discard, r.get("").Body); err != nil {
		t.Errorf("the response is broken: %v", err)
	}
	for deadline := time.Now().Add(30 * time.Second); testutil.ToFloat64(r.door.stats.closed.WithLabelValues("expired")) != 1; {
		if time.Now().After(deadline) {
			t.Fatal("no viewer was counted as expired")
		}
		time.Sleep(time.Millisecond)
	}
}
