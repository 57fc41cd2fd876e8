package main

import (
	"errors"
	"fmt"

	"weir/cdnrelay/pull"
	"weir/cdnrelay/push"
	"weir/config"
)

// checkLists tells what is wrong with those values that the parts judge and package config cannot, as a start of the server
// would. It opens nothing.
func checkLists(cfg *config.Config) error {
	_, rates := restRates(cfg)
	auto := autoSettings(&cfg.Relay.Auto)
	_, pushes := push.New(push.Options{Outputs: newPushOutputs(nil).bySchemes(), Rules: pushRules(cfg.Relay.Rules)})
	_, pulls := pull.New(pull.Options{Sources: pullSources(cfg)})
	return errors.Join(rates, of("relay.auto", auto.Check()), of("relay.rules", pushes), of("pull.sources", pulls))
}

// of says of which key an error is.
func of(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}
