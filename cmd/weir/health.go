package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"weir/config"
)

// healthTimeout is how long a server that is well may take to say so.
const healthTimeout = 3 * time.Second

// healthCommand is the container's health check: the image holds no other program that could ask.
func healthCommand() *cobra.Command {
	return configured(&cobra.Command{
		Use:   "health",
		Short: "Ask a running server on this machine whether it is well",
	}, func(cmd *cobra.Command, cfg *config.Config) error {
		return checkHealth(cmd.Context(), "http://"+reachable(cfg.Admin.Listen)+"/healthz")
	})
}

func checkHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("cannot ask %s: %w", url, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers there (its address is admin.listen): %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}
