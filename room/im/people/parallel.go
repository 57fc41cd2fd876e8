package people

import "golang.org/x/sync/errgroup"

// atOnce is how many of a batch go on at once: they wait for the disk together.
const atOnce = 16

// inParallel calls f for each number below n, several at once, and returns when all are done.
func inParallel(n int, f func(i int)) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range n {
		g.Go(func() error { f(i); return nil })
	}
	_ = g.Wait() // f returns no error
}

// unique are the values of a list, each once, in their order.
func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	out := make([]string, 0, len(list))
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
