package main

import (
	"log/slog"
	"time"

	"weir/room"
	"weir/room/api/manage"
	"weir/room/apps"
	"weir/room/auth"
)

// newManage is REST for administrators.
func (c *chat) newManage(authorizer *auth.Authorizer, known *apps.Apps, bridge *room.Bridge, log *slog.Logger) *manage.Manage {
	return manage.New(manage.Options{
		Auth: authorizer, Apps: known, Rooms: c.rooms, Channel: c.channel, Words: c.filter, Hooks: c.hooks, Recent: c.bus.Recent, Log: log,
		OnAir: func(app int, in string) any { return bridge.OnAir(app, in) },
		Present: func(app int, in string, limit int) []manage.Present {
			users := c.bus.Users(app, in, limit)
			out := make([]manage.Present, len(users))
			for i, u := range users {
				out[i] = manage.Present{User: u.Account, Since: time.Unix(u.Since, 0).UTC()}
			}
			return out
		},
	})
}
