package images

import (
	"sync"
	"time"
)

// perMinute is how many pictures a user may send in a minute; maxUsers bounds what is remembered of one.
const perMinute, maxUsers = 30, 1 << 14

// limit counts what each user sends in a minute.
type limit struct {
	now func() time.Time

	mu     sync.Mutex // guards the fields below
	minute int64
	sent   map[user]int
}

type user struct {
	app int
	id  string
}

// allow counts a picture and tells whether its user may send it.
func (l *limit) allow(app int, id string) bool {
	who, minute := user{app, id}, l.now().Unix()/60
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute != l.minute || l.sent == nil {
		l.minute, l.sent = minute, make(map[user]int)
	}
	n, known := l.sent[who]
	if n >= perMinute || !known && len(l.sent) >= maxUsers {
		return false
	}
	l.sent[who] = n + 1
	return true
}
