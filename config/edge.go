package config

import "time"

// Edge is how nodes of weir stand before one another.
type Edge struct {
	Key        Secret        `key:"key" doc:"what nodes know each other by; empty: this one gives no other anything"`
	Origins    []string      `key:"origins" doc:"nodes that are asked for streams which are not here, the preferred one first"`
	Idle       time.Duration `key:"idle" doc:"how long a stream is taken from its origin while nobody reads it"`
	CacheBytes Size          `key:"cache_bytes" doc:"HLS objects of origins that are kept, by size"`
}

func (p *problems) edge(c *Edge) {
	if c.Key != "" && len(c.Key) < minKey {
		p.add("edge.key", c.Key, "32 bytes or more, or empty")
	}
	for _, o := range c.Origins {
		switch {
		case !isOrigin(o):
			p.add("edge.origins", URL(o), "where a node is reached, such as https://origin.example.com")
		case c.Key == "":
			p.add("edge.origins", URL(o), "empty while edge.key is")
		}
	}
	between(p, "edge.idle", c.Idle, time.Second, time.Hour)
	between(p, "edge.cache_bytes", c.CacheBytes, 16<<20, 1<<40)
}
