package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// config is what the environment says.
type config struct {
	listen                         string
	rooms, key, admin, agent       string
	app                            int
	token, callbackToken           string
	wechat, wechatID, wechatSecret string
}

// readConfig reads the environment and names what is missing.
func readConfig(env func(string) string) (config, error) {
	var missing []string
	need := func(name string) string {
		v := env(name)
		if v == "" {
			missing = append(missing, name)
		}
		return v
	}
	c := config{
		listen: cmp.Or(env("LISTEN"), ":9001"), rooms: strings.TrimSuffix(need("ROOMS_URL"), "/"), key: need("ROOMS_KEY"),
		admin: cmp.Or(env("ROOMS_ADMIN"), "administrator"), agent: cmp.Or(env("ROOMS_AGENT"), "user1"),
		token: need("WECHAT_TOKEN"), callbackToken: env("CALLBACK_TOKEN"),
		wechat:   strings.TrimSuffix(cmp.Or(env("WECHAT_URL"), "https://api.weixin.qq.com"), "/"),
		wechatID: need("WECHAT_APPID"), wechatSecret: need("WECHAT_SECRET"),
	}
	app := need("ROOMS_APP")
	if len(missing) > 0 {
		return c, errors.New("not set: " + strings.Join(missing, ", "))
	}
	var err error
	if c.app, err = strconv.Atoi(app); err != nil {
		return c, fmt.Errorf("ROOMS_APP is no number: %w", err)
	}
	return c, nil
}
