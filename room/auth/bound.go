package auth

import "context"

// Bound is a context in which what was granted may go on. It ends with the cause ErrEnds at the time that the grant
// names, if it names one. The caller must call the function that it returns.
func (g Grant) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.Ends.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, g.Ends, ErrEnds)
}
