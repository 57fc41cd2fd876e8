package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"weir/config"
)

// certificateAge is how long a certificate is used before its files are looked at again.
const certificateAge = 10 * time.Second

// certificates are those of a listener: one for each name that has its own, and one for everybody else.
type certificates struct {
	others *certificate
	named  map[string]*certificate
}

// loadCertificates reads the certificate of a listener and those of names on it.
func loadCertificates(key string, others config.TLS, domains config.Domains, log *slog.Logger) (*certificates, error) {
	c := &certificates{named: make(map[string]*certificate)}
	var err error
	if c.others, err = loadCertificate(key, others, log); err != nil {
		return nil, err
	}
	for _, d := range domains {
		if d.Cert == "" {
			continue
		}
		if c.named[d.Host], err = loadCertificate("the domain "+d.Host, config.TLS{Cert: d.Cert, Key: d.Key}, log); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// secure is how weir speaks TLS.
func (c *certificates) secure() *tls.Config {
	return &tls.Config{GetCertificate: c.of, MinVersion: tls.VersionTLS12}
}

// of is the certificate for the name that a client says it wants (RFC 6066 3).
func (c *certificates) of(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if own, ok := c.named[strings.ToLower(hello.ServerName)]; ok {
		return own.now(time.Now()), nil
	}
	return c.others.now(time.Now()), nil
}

// certificate is one that is read again when its files change, as they do when it is renewed.
type certificate struct {
	name  string
	files config.TLS
	log   *slog.Logger

	mu     sync.Mutex // guards the fields below
	pair   *tls.Certificate
	looked time.Time // when the files were looked at
	stamp  string    // of the files as they were read
}

func loadCertificate(name string, files config.TLS, log *slog.Logger) (*certificate, error) {
	c := &certificate{name: name, files: files, log: log, looked: time.Now()}
	var err error
	if c.stamp, err = stampOf(files); err == nil {
		err = c.readLocked()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load the certificate of %s: %w", name, err)
	}
	return c, nil
}

func (c *certificate) readLocked() error {
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return err
	}
	c.pair = &pair
	return nil
}

// now is the certificate as its files have it. While these cannot be read, or do not belong together because one of them is
// still to be written, it is the one from before.
func (c *certificate) now(at time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Sub(c.looked) < certificateAge {
		return c.pair
	}
	c.looked = at
	stamp, err := stampOf(c.files)
	if err == nil && stamp != c.stamp {
		if err = c.readLocked(); err == nil {
			c.stamp = stamp
			c.log.Info("certificate read again", "of", c.name)
		}
	}
	if err != nil {
		c.log.Warn("a certificate cannot be read again: the one from before goes on", "of", c.name, "error", err)
	}
	return c.pair
}

// stampOf changes with the files.
func stampOf(files config.TLS) (string, error) {
	var stamp strings.Builder
	for _, name := range []string{files.Cert, files.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&stamp, "%d %d ", info.ModTime().UnixNano(), info.Size())
	}
	return stamp.String(), nil
}
