package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"weir/room/dial"
	"weir/room/store"
)

// Receiver is where the callbacks of an app go.
func (h *Hooks) Receiver(ctx context.Context, app int) Receiver {
	return h.receivers.of(ctx, app).Receiver
}

// SetReceiver says where the callbacks of an app that was made at run time go. Its address has to be a public one, which is
// checked each time that it is called.
//
// Errors: ErrReceiver, ErrConfigured.
func (h *Hooks) SetReceiver(ctx context.Context, app int, r Receiver) error {
	if err := r.Check(); err != nil {
		return err
	}
	if err := h.checkLiteral(r.URL); err != nil {
		return err
	}
	if h.opts.Apps == nil || app == h.opts.DefaultApp && h.opts.IM.URL != "" {
		return ErrConfigured
	}
	_, err := h.opts.Apps.ModifyApp(ctx, app, func(a *store.App) (err error) {
		a.Settings, err = withReceiver(a.Settings, r)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrConfigured
	case err != nil:
		return fmt.Errorf("cannot set the receiver of callbacks: %w", err)
	}
	h.receivers.forget(app)
	return nil
}

// checkLiteral refuses an address that is written in numbers and may not be called, so that whoever sets it learns it at once.
func (h *Hooks) checkLiteral(text string) error {
	if text == "" {
		return nil
	}
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && h.opts.Guard.Check(a) != nil {
		return fmt.Errorf("%w: %w", ErrReceiver, dial.ErrAddress)
	}
	return nil
}

// withReceiver puts a receiver among an app's other settings.
func withReceiver(settings []byte, r Receiver) ([]byte, error) {
	all := make(map[string]json.RawMessage)
	if len(settings) > 0 {
		if err := json.Unmarshal(settings, &all); err != nil {
			return nil, fmt.Errorf("cannot read the app's settings: %w", err)
		}
	}
	mine, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(mine, &all); err != nil { // adds to what is there
		return nil, err
	}
	return json.Marshal(all)
}
