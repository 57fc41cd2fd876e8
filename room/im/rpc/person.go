package rpc

import (
	"context"
	"slices"

	"weir/room/im"
	"weir/room/im/people"
)

// sendingC2C is a message to an account.
type sendingC2C struct {
	To     string       `json:"to"`
	Body   []im.Element `json:"body"`
	Seq    uint32       `json:"seq"`
	Random uint32       `json:"random"`
	Time   int64        `json:"time"`
	Cloud  string       `json:"cloud"`
	Life   *int64       `json:"life"`
	Sync   bool         `json:"sync"`
	Quiet  bool         `json:"quiet"`
}

func (m *Methods) sendC2C(ctx context.Context, s Session, in sendingC2C) (any, error) {
	got, err := m.o.People.SendTo(ctx, s.Actor(), people.C2C{
		To: in.To, Body: in.Body, Seq: in.Seq, Random: in.Random, Time: in.Time, Cloud: in.Cloud, Life: in.Life, Sync: in.Sync,
		NoUnread: in.Quiet,
	})
	return sent{got.Seq, got.Time, got.Key}, err
}

func (m *Methods) recall(ctx context.Context, s Session, in struct {
	To  string `json:"to"`
	Key string `json:"key"`
	Seq uint64 `json:"seq"`
},
) (any, error) {
	return nil, m.o.People.Recall(ctx, s.Actor(), people.Recall{To: in.To, Key: in.Key, Seq: in.Seq})
}

func (m *Methods) offline(ctx context.Context, s Session, in struct {
	After uint64 `json:"after"`
	Limit int    `json:"limit"`
},
) (any, error) {
	limit, err := limited(in.Limit, maxRecent)
	if err != nil {
		return nil, err
	}
	list, more, err := m.o.People.Offline(ctx, s.Actor(), in.After, limit)
	return messages(im.AppendPersonal, list, more), err
}

func (m *Methods) ack(ctx context.Context, s Session, in struct {
	Seq uint64 `json:"seq"`
},
) (any, error) {
	return nil, m.o.People.Ack(ctx, s.Actor(), in.Seq)
}

type profileView struct {
	Account string            `json:"user"`
	Known   bool              `json:"known"`
	Items   map[string]string `json:"items"`
}

// profiles are those of accounts; without any, the caller's own.
func (m *Methods) profiles(ctx context.Context, s Session, in struct {
	Users []string `json:"users"`
	Tags  []string `json:"tags"`
},
) (any, error) {
	a := s.Actor()
	if len(in.Users) == 0 {
		in.Users = []string{a.User}
	}
	list, err := m.o.People.Profiles(ctx, a.App, in.Users, in.Tags)
	out := make([]profileView, len(list))
	for i, p := range list {
		out[i] = profileView{p.Account, p.Known, make(map[string]string, len(p.Items))}
		for _, item := range p.Items {
			out[i].Items[item.Tag] = item.Value
		}
	}
	return map[string]any{"profiles": out}, err
}

func (m *Methods) setProfile(ctx context.Context, s Session, in struct {
	Items map[string]string `json:"items"`
},
) (any, error) {
	items := make([]people.Item, 0, len(in.Items))
	for tag, value := range in.Items {
		items = append(items, people.Item{Tag: tag, Value: value})
	}
	slices.SortFunc(items, func(x, y people.Item) int {
		if x.Tag < y.Tag {
			return -1
		}
		return 1
	})
	a := s.Actor()
	return nil, m.o.People.SetProfile(ctx, a, a.User, items)
}

type accounts struct {
	Users []string `json:"users"`
}

func (m *Methods) checkAccounts(ctx context.Context, s Session, in accounts) (any, error) {
	known, err := m.o.People.Check(ctx, s.Actor().App, in.Users)
	return map[string]any{"known": known}, err
}

func (m *Methods) onlineAccounts(ctx context.Context, s Session, in accounts) (any, error) {
	list, err := m.o.People.Online(ctx, s.Actor().App, in.Users)
	online := make(map[string][]im.Platform, len(list))
	for _, p := range list {
		if p.Known {
			online[p.Account] = append([]im.Platform{}, p.Platforms...)
		}
	}
	return map[string]any{"online": online}, err
}
