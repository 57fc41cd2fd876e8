package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"weir/bench/measure"
)

// Push measures what it costs to push a stream to so many RTMP servers: what the first one takes has the stream's sound made into
// AAC and the tags made, which all further ones share.
func Push(ctx context.Context, o Options) ([]measure.Run, error) {
	slices.Sort(o.Viewers)
	var runs []measure.Run
	for range o.Repeat {
		var first map[string]float64
		for _, n := range o.Viewers {
			figures, err := o.push(ctx, n)
			if err != nil {
				return nil, err
			}
			if first == nil {
				first = figures
			} else {
				figures["cpu_percent_per_further"] = (figures["cpu_percent"] - first["cpu_percent"]) / float64(n-o.Viewers[0])
			}
			o.say("%d destinations: %.1f %% of a core, %.3f %% for each further", n, figures["cpu_percent"], figures["cpu_percent_per_further"])
			runs = append(runs, measure.Run{Program: "weir", Case: "RTMP", Viewers: n, Figures: figures})
		}
	}
	return runs, nil
}

// pushRules are the settings of a server that pushes every stream to n addresses of a server.
func pushRules(addr string, n int) ([]string, error) {
	rules := make([]map[string]string, n)
	for i := range rules {
		rules[i] = map[string]string{"match": "*/*", "to": fmt.Sprintf("rtmp://%s/live/{stream}-%d", addr, i)}
	}
	text, err := json.Marshal(rules)
	return []string{"WEIR_RELAY_RULES=" + string(text), fmt.Sprintf("WEIR_RELAY_MAX_PER_STREAM=%d", n)}, err
}

func (o *Options) push(ctx context.Context, n int) (figures map[string]float64, err error) {
	sinks, err := listenSinks()
	if err != nil {
		return nil, err
	}
	defer sinks.close()
	rules, err := pushRules(sinks.addr(), n)
	if err != nil {
		return nil, err
	}
	s, err := o.start(ctx, 0, rules...)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := sinks.await(ctx, n); err != nil {
		return nil, err
	}
	if err := measure.Wait(ctx, o.Settle); err != nil {
		return nil, err
	}
	return o.serverFigures(ctx, s.Server, func() (map[string]float64, error) {
		bytes := sinks.bytes.Load()
		before, after, err := s.During(ctx, o.Duration)
		if err != nil {
			return nil, err
		}
		cpu, took := (after.CPU - before.CPU).Seconds(), after.At.Sub(before.At).Seconds()
		gigabytes := float64(sinks.bytes.Load()-bytes) / 1e9
		return map[string]float64{
			"seconds": took, "gigabytes": gigabytes, "cpu_percent": 100 * cpu / took, "cpu_s_per_gb": cpu / gigabytes,
			"rss_mb": float64(after.RSS) / (1 << 20),
		}, nil
	})
}
