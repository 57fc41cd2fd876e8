package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// record keeps what a viewer gets in the time, for the floor.
func record(ctx context.Context, addr, path, file string, d time.Duration) error {
	within, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return fmt.Errorf("cannot record: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("cannot record: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("cannot record: %s", resp.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("cannot record: %w", err)
	}
	_, err = io.Copy(out, resp.Body)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil // it is long enough
	}
	return errors.Join(err, out.Close())
}
