package bus

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/centrifugal/centrifuge"
)

const (
	redisConnect = 2 * time.Second
	redisIO      = 2 * time.Second
)

var errRedisURL = errors.New("cannot reach Redis: its address is malformed")

// useRedis lets publications, history and what nodes say go over Redis. Redis has to be there when weir starts; when it
// goes away later, sessions stay, and what is published meanwhile is an error to who publishes it.
func (b *Bus) useRedis() error {
	if _, err := url.Parse(b.o.Redis); err != nil {
		return errRedisURL // the engine's error would show the address, and the password in it
	}
	shard, err := centrifuge.NewRedisShard(b.node, centrifuge.RedisShardConfig{
		Address: b.o.Redis, ConnectTimeout: redisConnect, IOTimeout: redisIO, ClientName: "weir",
	})
	if err != nil {
		return fmt.Errorf("cannot reach Redis: %w", err)
	}
	b.redis = shard
	broker, err := centrifuge.NewRedisBroker(b.node, centrifuge.RedisBrokerConfig{
		Prefix: b.o.Prefix, Shards: []*centrifuge.RedisShard{shard},
	})
	if err != nil {
		shard.Close()
		return fmt.Errorf("cannot use Redis: %w", err)
	}
	b.node.SetBroker(broker)
	return nil
}
