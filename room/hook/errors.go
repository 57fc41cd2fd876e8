package hook

import "errors"

var (
	// ErrRefused means that the receiver of stream events does not let it happen.
	ErrRefused = errors.New("refused by the receiver of stream events")
	// ErrUnanswered means that it was asked and did not answer as it should.
	ErrUnanswered = errors.New("the receiver of stream events did not answer")
	// ErrConfigured means that the app's receiver is set by the operator's configuration alone.
	ErrConfigured = errors.New("the receiver of this app's callbacks is in the configuration")
	// ErrReceiver means that a receiver's address or one of its commands cannot be.
	ErrReceiver = errors.New("not a receiver")
)

// reason is why a call failed, as metrics and logs name it.
type reason string

// The reasons.
const (
	reasonTimeout reason = "timeout" // no whole answer in time
	reasonConnect reason = "connect" // no connection, or it broke
	reasonAddress reason = "address" // the address is none that may be called
	reasonStatus  reason = "status"  // another HTTP status than it should be
	reasonAnswer  reason = "answer"  // not the JSON that it should be, or too much of it
	reasonBusy    reason = "busy"    // as many calls go on as may
	reasonPaused  reason = "paused"  // it was too slow too often, and is left alone for a while
)

// failure is a call that did not do what it should.
type failure struct {
	reason reason
	status int   // of reasonStatus
	err    error // may be nil
}

func (f *failure) Error() string {
	if f.err == nil {
		return string(f.reason)
	}
	return string(f.reason) + ": " + f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }
