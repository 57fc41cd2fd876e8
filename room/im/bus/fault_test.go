package bus

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"weir/room/im"
)

// TestFaultsAreLogged: what clients hear of as internal has its cause in the log, and refusals are not there.
func TestFaultsAreLogged(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{errors.New("the cause"), true},
		{fmt.Errorf("%w: %w", im.ErrInternal, errors.New("the cause")), true},
		{fmt.Errorf("the cause: %w", im.ErrMuted), false},
	} {
		var log bytes.Buffer
		b := &Bus{o: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
		_, err := b.encode("m", nil, tc.err)
		if err == nil || strings.Contains(err.Error(), "cause") {
			t.Errorf("%v: clients hear %v", tc.err, err)
		}
		if got := strings.Contains(log.String(), "the cause"); got != tc.want {
			t.Errorf("%v: the log has %q", tc.err, &log)
		}
	}
}
