package main

import (
	"errors"
	"fmt"

	"weir/cdnrelay/pull"
	"weir/cdnrelay/push"
	"weir/config"
)

// checkLists tells what is wrong with those values that the parts judge and package config cannot, as a start of the server
// would. It reads the certificates, and opens nothing else.
func checkLists(cfg *config.Config) error {
	_, rates := restRates(cfg)
	_, pushes := push.New(push.Options{Outputs: newPushOutputs(nil).bySchemes(), Sign: signPush, Rules: pushRules(cfg.Relay.Rules)})
	_, pulls := pull.New(pull.Options{Sources: pullSources(cfg)})
	return errors.Join(rates, checkAuto(cfg), checkCertificates(cfg), of("relay.rules", pushes), of("pull.sources", pulls))
}

// checkCertificates tells which certificate cannot be read, or does not belong to its key.
func checkCertificates(cfg *config.Config) error {
	var public, rtmps error
	if cfg.HTTP.TLS.Cert != "" {
		_, public = loadCertificates("http.tls", cfg.HTTP.TLS, cfg.Origin.Domains, nil)
	}
	if cfg.RTMP.TLSListen != "" && cfg.RTMP.TLS.Cert != "" {
		_, rtmps = loadCertificates("rtmp.tls", cfg.RTMP.TLS, nil, nil)
	}
	return errors.Join(public, rtmps)
}

// of says of which key an error is.
func of(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}
