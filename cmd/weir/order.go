package main

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// part is what runs until its context is done.
type part func(ctx context.Context) error

// inOrder runs groups of parts at once and stops them one group after the other: the first when ctx is done or a part
// has failed, each other one when those before it are over. So nothing stands on what has stopped.
func inOrder(ctx context.Context, groups ...[]part) error {
	all, failed := errgroup.WithContext(ctx)
	own, before := failed, func() {} // returns when the groups before are over
	for _, group := range groups {
		next, stop := context.WithCancel(context.WithoutCancel(ctx))
		var running sync.WaitGroup
		running.Add(len(group))
		for _, p := range group {
			of := own
			all.Go(func() error {
				defer running.Done()
				return p(of)
			})
		}
		over := make(chan struct{})
		wait := before
		all.Go(func() error {
			wait()
			running.Wait()
			close(over)
			stop()
			return nil
		})
		own, before = next, func() { <-over }
	}
	return all.Wait()
}
