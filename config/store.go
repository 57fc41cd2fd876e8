package config

import (
	"net/url"
	"time"
)

// Store is where what has to last is kept.
type Store struct {
	URL Secret `key:"url" doc:"PostgreSQL database, postgres://user:password@host/name; empty: an SQLite file in data_dir"`
}

// Images is where pictures of messages are kept, and for how long.
type Images struct {
	Dir      string        `key:"dir" doc:"folder of pictures; empty: images in data_dir"`
	S3       S3            `key:"s3"`
	MaxBytes Size          `key:"max_bytes" doc:"pictures that are kept at most, by size; beyond it the oldest go"`
	Keep     time.Duration `key:"keep" doc:"how long a picture is kept; 0: for good"`
}

// S3 is a bucket of an object store.
type S3 struct {
	Endpoint  string `key:"endpoint" doc:"address of an S3 service that keeps the files instead of the folder; empty: none"`
	Region    string `key:"region" doc:"its region"`
	Bucket    string `key:"bucket" doc:"the bucket, which must be there"`
	AccessKey string `key:"access_key" doc:"access key ID"`
	SecretKey Secret `key:"secret_key" doc:"secret access key"`
}

func (p *problems) store(c *Store) {
	if c.URL == "" {
		return
	}
	u, err := url.Parse(string(c.URL))
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		p.add("store.url", c.URL, "an address such as postgres://user:password@host/name, or empty")
	}
}

func (p *problems) images(c *Images) {
	between(p, "images.max_bytes", c.MaxBytes, 64<<20, 1<<50)
	if c.Keep != 0 {
		between(p, "images.keep", c.Keep, time.Hour, 100*365*24*time.Hour)
	}
	p.s3("images.s3", &c.S3)
}

// s3 checks a bucket, if there is one.
func (p *problems) s3(key string, c *S3) {
	if c.Endpoint == "" {
		if c.Bucket != "" { // what was meant for it would stay in the folder
			p.add(key+".bucket", c.Bucket, "empty without "+key+".endpoint, where it is")
		}
		return
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" {
		p.add(key+".endpoint", URL(c.Endpoint), "an address such as https://s3.example.com, or empty")
	}
	for _, v := range [][2]string{{"bucket", c.Bucket}, {"access_key", c.AccessKey}, {"secret_key", string(c.SecretKey)}} {
		if v[1] == "" {
			p.add(key+"."+v[0], "", "set, where "+key+".endpoint is")
		}
	}
}
