package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// envPrefix starts the name of every environment variable that weir reads.
const envPrefix = "WEIR"

// keyToEnv turns a key into the rest of its variable's name: http.tls.cert is WEIR_HTTP_TLS_CERT.
var keyToEnv = strings.NewReplacer(".", "_")

// Source says where a value came from.
type Source string

// The sources, the weakest first.
const (
	FromDefault Source = "default"
	FromFile    Source = "file"
	FromEnv     Source = "environment"
	FromFlag    Source = "flag"
)

// AddFlags defines a flag of the same name for every key, for Load to read once the set is parsed.
func AddFlags(flags *pflag.FlagSet) {
	for _, e := range entries(Default()) {
		flags.String(e.Key, e.text(), e.Doc)
	}
}

// Load reads the file (none when it is empty), the environment and the flags (nil for none) over the
// defaults, and validates the outcome. Its errors name the keys that are wrong.
func Load(file string, flags *pflag.FlagSet) (*Config, error) {
	v := viper.NewWithOptions(viper.EnvKeyReplacer(keyToEnv))
	v.SetEnvPrefix(envPrefix)
	v.AutomaticEnv()
	known := entries(Default())
	for _, e := range known {
		// A key without a default is not seen by Unmarshal when only the environment has it.
		v.SetDefault(e.Key, e.Value)
		if flags != nil && flags.Lookup(e.Key) != nil {
			if err := v.BindPFlag(e.Key, flags.Lookup(e.Key)); err != nil {
				return nil, fmt.Errorf("cannot bind flag %s: %w", e.Key, err)
			}
		}
	}
	if file != "" {
		v.SetConfigFile(file)
		v.SetConfigType("yaml")
		if err := v.ReadInConfig(); err != nil {
			return nil, fmt.Errorf("cannot read configuration %s: %w", file, err)
		}
	}
	if err := checkKnown(v.AllKeys(), known); err != nil {
		return nil, err
	}
	c := new(Config)
	if err := v.UnmarshalExact(c, decoding); err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	c.sources, c.env = sourcesOf(v, flags, known), unknownEnv(os.Environ(), known)
	return c, c.Validate()
}

// decoding is how viper's values become fields: by the key tag, with units on times and sizes.
func decoding(d *mapstructure.DecoderConfig) {
	d.TagName = "key"
	d.DecodeHook = mapstructure.ComposeDecodeHookFunc(
		needUnit,
		mapstructure.StringToTimeDurationHookFunc(),
		splitList,
		mapstructure.TextUnmarshallerHookFunc(),
	)
}

// needUnit refuses a bare number where a time is meant: 15 would be taken as nanoseconds.
func needUnit(_ reflect.Type, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	switch value.(type) {
	case time.Duration, string:
		return value, nil
	}
	if n := reflect.ValueOf(value); n.CanInt() && n.Int() == 0 {
		return value, nil
	}
	return nil, fmt.Errorf("%v has no unit: write a time as 15s or 200ms", value)
}

// splitList reads "a, b" as a list of two, which is how the environment and flags write one.
func splitList(from reflect.Type, to reflect.Type, value any) (any, error) {
	if from.Kind() != reflect.String || to != reflect.TypeFor[[]string]() && to != reflect.TypeFor[URLs]() {
		return value, nil
	}
	list := []string{}
	for item := range strings.SplitSeq(reflect.ValueOf(value).String(), ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list, nil
}

// checkKnown reports every key that is none, with the key that was most likely meant.
func checkKnown(keys []string, known []Entry) error {
	var errs []error
	slices.Sort(keys)
	for _, k := range keys {
		if slices.ContainsFunc(known, func(e Entry) bool { return e.Key == k }) {
			continue
		}
		if near := nearest(k, known); near != "" {
			errs = append(errs, fmt.Errorf("unknown key %s (did you mean %s?)", k, near))
			continue
		}
		errs = append(errs, fmt.Errorf("unknown key %s", k))
	}
	return errors.Join(errs...)
}

// sourcesOf says for every key where its value came from.
func sourcesOf(v *viper.Viper, flags *pflag.FlagSet, known []Entry) map[string]Source {
	sources := make(map[string]Source, len(known))
	for _, e := range known {
		switch {
		case flags != nil && flags.Changed(e.Key):
			sources[e.Key] = FromFlag
		case os.Getenv(envName(e.Key)) != "": // viper takes an empty variable as none
			sources[e.Key] = FromEnv
		case v.InConfig(e.Key):
			sources[e.Key] = FromFile
		default:
			sources[e.Key] = FromDefault
		}
	}
	return sources
}

// unknownEnv lists the WEIR_* variables that are no key. They are not errors, because orchestrators set
// variables of that form for a service named weir.
func unknownEnv(environ []string, known []Entry) []string {
	var unknown []string
	for _, line := range environ {
		name, _, _ := strings.Cut(line, "=")
		if strings.HasPrefix(name, envPrefix+"_") &&
			!slices.ContainsFunc(known, func(e Entry) bool { return envName(e.Key) == name }) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// envName is the environment variable of a key.
func envName(key string) string {
	return envPrefix + "_" + strings.ToUpper(keyToEnv.Replace(key))
}
