package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
)

// Origin is what CDNs and other caches in front of this server are given.
type Origin struct {
	Domains Domains `key:"domains" doc:"names by which streams are played: host, app, cert, key and puller of each"`
	Pullers Pullers `key:"pullers" doc:"CDNs that pull: name, app, secret, dialect, key, backup_key, networks, trusted and max_pulls of each"`
}

// Domain is a name by which streams are played.
type Domain struct {
	Host   string `key:"host" json:"host"`
	App    int    `key:"app" json:"app,omitempty"`
	Cert   string `key:"cert" json:"cert,omitempty"`
	Key    string `key:"key" json:"key,omitempty"` // a file
	Puller string `key:"puller" json:"puller,omitempty"`
}

// Puller is a CDN that pulls.
type Puller struct {
	Name      string   `key:"name" json:"name"`
	App       int      `key:"app" json:"app,omitempty"`
	Secret    Secret   `key:"secret" json:"secret,omitempty"`
	Dialect   string   `key:"dialect" json:"dialect,omitempty"`
	Key       Secret   `key:"key" json:"key,omitempty"`
	BackupKey Secret   `key:"backup_key" json:"backup_key,omitempty"`
	Networks  []string `key:"networks" json:"networks,omitempty"`
	Trusted   bool     `key:"trusted" json:"trusted,omitempty"`
	MaxPulls  int      `key:"max_pulls" json:"max_pulls,omitempty"`
}

// Domains and Pullers are lists that the environment and flags write as JSON.
type (
	Domains []Domain
	Pullers []Puller
)

// UnmarshalText reads a JSON list; empty is none.
func (d *Domains) UnmarshalText(text []byte) error {
	return readJSON(text, (*[]Domain)(d), `[{"host":"play.example.com","app":1400000001}]`)
}

// String is the list as a flag writes it.
func (d Domains) String() string { return writeJSON([]Domain(d)) }

// UnmarshalText reads a JSON list; empty is none.
func (p *Pullers) UnmarshalText(text []byte) error {
	return readJSON(text, (*[]Puller)(p), `[{"name":"cdn","secret":"...","max_pulls":100}]`)
}

// String is the list as a flag writes it, its secrets masked.
func (p Pullers) String() string { return writeJSON([]Puller(p)) }

// readJSON reads a list of objects.
func readJSON[T any](text []byte, into *[]T, example string) error {
	*into = []T{}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return fmt.Errorf("the list is JSON, such as %s: %w", example, err)
	}
	if in.More() {
		return fmt.Errorf("the list is one JSON list, such as %s", example)
	}
	return nil
}

func writeJSON[T any](list []T) string {
	if len(list) == 0 {
		return ""
	}
	text, err := json.Marshal(list)
	if err != nil {
		return masked
	}
	return string(text)
}

// Bounds of the lists, and of a secret in them.
const (
	maxDomains      = 1000
	maxPullers      = 50
	minPullerSecret = 16
	maxPulls        = 1_000_000
)

var (
	hostName   = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	pullerName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

func (p *problems) origin(c *Config) {
	pullers := map[string]int{}
	if len(c.Origin.Pullers) > maxPullers {
		p.add("origin.pullers", len(c.Origin.Pullers), fmt.Sprintf("at most %d pullers", maxPullers))
	}
	for i := range c.Origin.Pullers {
		one := &c.Origin.Pullers[i]
		name := fmt.Sprintf("origin.pullers[%d]", i)
		if _, twice := pullers[one.Name]; twice || !pullerName.MatchString(one.Name) {
			p.add(name+".name", one.Name, "1 to 64 of A-Z a-z 0-9 _ . -, and the name of no other puller")
		}
		pullers[one.Name] = orDefault(one.App, c.Auth.AppID)
		p.puller(name, one, c.Auth.AppID)
	}
	p.domains(c, pullers)
}

func (p *problems) puller(name string, c *Puller, app int) {
	between(p, name+".app", orDefault(c.App, app), 1, 1<<32-1)
	between(p, name+".max_pulls", c.MaxPulls, 1, maxPulls)
	for key, secret := range map[string]Secret{"secret": c.Secret, "key": c.Key, "backup_key": c.BackupKey} {
		if secret != "" && len(secret) < minPullerSecret {
			p.add(name+"."+key, secret, fmt.Sprintf("at least %d bytes long, or empty", minPullerSecret))
		}
	}
	if c.Dialect != "" || c.Key != "" || c.BackupKey != "" {
		p.oneOf(name+".dialect", c.Dialect, "weir", "tencent", "alibaba")
		if c.Key == "" {
			p.add(name+".key", c.Key, "set, where there is a dialect or a backup_key")
		}
	}
	for _, n := range c.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			p.add(name+".networks", n, "a network such as 192.0.2.0/24")
		}
	}
	if c.Secret == "" && c.Key == "" && len(c.Networks) == 0 {
		p.add(name, c.Name, "one with a secret, a key or networks: nobody could tell it from a viewer")
	}
	if c.Trusted && (c.Secret != "" || c.Key != "" || len(c.Networks) == 0) {
		p.add(name+".trusted", c.Trusted, "true only where there are networks, and neither a secret nor a key that would prove more")
	}
}

func (p *problems) domains(c *Config, pullers map[string]int) {
	if len(c.Origin.Domains) > maxDomains {
		p.add("origin.domains", len(c.Origin.Domains), fmt.Sprintf("at most %d domains", maxDomains))
	}
	hosts := map[string]bool{}
	for i, d := range c.Origin.Domains {
		name := fmt.Sprintf("origin.domains[%d]", i)
		if !hostName.MatchString(d.Host) || len(d.Host) > 253 || hosts[d.Host] {
			p.add(name+".host", d.Host, "the name of a host such as play.example.com, in lower case, once and without a port")
		}
		hosts[d.Host] = true
		app := orDefault(d.App, c.Auth.AppID)
		between(p, name+".app", app, 1, 1<<32-1)
		p.pair(name, TLS{Cert: d.Cert, Key: d.Key})
		if d.Cert != "" && c.HTTP.TLS.Cert == "" {
			p.add(name+".cert", d.Cert, "empty without http.tls.cert, the certificate of all who name no domain")
		}
		if of, known := pullers[d.Puller]; d.Puller != "" && (!known || of != app) {
			p.add(name+".puller", d.Puller, "the name of one of origin.pullers that is of the same app")
		}
	}
}

// orDefault is the id of an app, the default one's where none is set.
func orDefault(app, byDefault int) int {
	if app == 0 {
		return byDefault
	}
	return app
}
