package push

import (
	"context"

	"weir/room/hook"
	"weir/room/live"
)

// asked is a Source: a receiver of callbacks.
type asked struct{ receiver hook.Forwarder }

// Asked has a receiver of callbacks name targets. They came from outside, so that none is trusted.
func Asked(f hook.Forwarder) Source { return asked{f} }

// Targets implements Source.
func (a asked) Targets(ctx context.Context, i live.Info) ([]Task, error) {
	e, ok := eventOf(&i)
	if !ok {
		return nil, nil
	}
	targets, err := a.receiver.Targets(ctx, e)
	if err != nil {
		return nil, err
	}
	tasks := make([]Task, len(targets))
	for n, t := range targets {
		tasks[n] = Task{Origin: OriginCallback, To: t.To, Token: t.Token, Audio: t.Audio}
	}
	return tasks, nil
}
