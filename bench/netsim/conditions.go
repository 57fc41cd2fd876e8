package netsim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Conditions are what a packet meets, the same in both directions. The zero value is a perfect wire.
type Conditions struct {
	// Loss is the share of all packets that get lost, 0 to 1. With Burst above 1 they do so in runs of this mean
	// length (Gilbert's model), as many in all as without.
	Loss, Burst float64
	// Delay is how long a packet takes, Jitter how much more or less, evenly spread. Jitter keeps the order.
	Delay, Jitter time.Duration
	// Reorder is the share of packets that overtake all that are on their way, Duplicate of those that arrive twice.
	Reorder, Duplicate float64
	// Rate is the wire's speed in kbit/s, 0 for no bound; a packet that would wait for it for longer than Queue is lost.
	Rate  int
	Queue time.Duration
	// BlackHole lets nothing through. What is on its way still arrives.
	BlackHole bool
}

// Set changes what the words say, such as "loss=2 delay=40ms": shares in percent, times as Go writes them, rate in
// kbit/s, blackhole 0 or 1. It changes nothing when it returns an error.
func (c *Conditions) Set(words string) error {
	next := *c
	for word := range strings.FieldsSeq(words) {
		name, value, _ := strings.Cut(word, "=")
		if err := next.set(name, value); err != nil {
			return fmt.Errorf("cannot use %q: %w", word, err)
		}
	}
	*c = next
	return nil
}

func (c *Conditions) set(name, value string) (err error) {
	switch name {
	case "loss":
		c.Loss, err = share(value)
	case "burst":
		c.Burst, err = number(value, 1e6)
	case "delay":
		c.Delay, err = span(value)
	case "jitter":
		c.Jitter, err = span(value)
	case "reorder":
		c.Reorder, err = share(value)
	case "dup":
		c.Duplicate, err = share(value)
	case "rate":
		var kbit float64
		kbit, err = number(value, 1e9)
		c.Rate = int(kbit)
	case "queue":
		c.Queue, err = span(value)
	case "blackhole":
		c.BlackHole, err = strconv.ParseBool(value)
	default:
		err = ErrUnknown
	}
	return err
}

func share(value string) (float64, error) {
	percent, err := number(value, 100)
	return percent / 100, err
}

func number(value string, most float64) (float64, error) {
	f, err := strconv.ParseFloat(value, 64)
	if err == nil && !(f >= 0 && f <= most) { // NaN is neither
		err = ErrRange
	}
	return f, err
}

func span(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err == nil && d < 0 {
		err = ErrRange
	}
	return d, err
}
