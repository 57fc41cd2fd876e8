package store

import (
	"context"
	"time"
)

// Member is somebody in a room that has a list of members.
type Member struct {
	Account  string
	Role     string // Owner, Admin or Member
	NameCard string
	Joined   time.Time
	Fields   map[string]string
}

// memberFacts are what no query asks for, as they are stored.
type memberFacts struct {
	NameCard string            `json:"name_card,omitempty"`
	Fields   map[string]string `json:"fields,omitempty"`
}

// PutMembers adds members to a room, or puts them in the place of those that are there.
func (s *Store) PutMembers(ctx context.Context, app int, room string, members []Member) error {
	return s.write(ctx, "keep members", func(a access) error { return putMembers(a, app, room, members) })
}

func putMembers(a access, app int, room string, members []Member) error {
	var rows [][]any
	at := make(map[string]int) // a statement cannot put one row twice: the last one counts
	for _, m := range members {
		facts, err := pack(memberFacts{m.NameCard, m.Fields})
		if err != nil {
			return err
		}
		row := []any{app, room, m.Account, m.Role, millis(m.Joined), facts}
		if i, twice := at[m.Account]; twice {
			rows[i] = row
			continue
		}
		at[m.Account] = len(rows)
		rows = append(rows, row)
	}
	return a.insert("INSERT INTO members (app, room, account, role, joined, facts)",
		"ON CONFLICT (app, room, account) DO UPDATE SET role = excluded.role, joined = excluded.joined, facts = excluded.facts", rows)
}

// AddMembers adds those of the members who are not in a room yet, in their order, as long as there are fewer than most,
// and tells who was added. full tells that there are as many as may be now.
func (s *Store) AddMembers(ctx context.Context, app int, room string, members []Member, most int) (added []string, full bool, err error) {
	err = s.write(ctx, "add members", func(a access) error {
		n, err := one(a, single[int], "SELECT COUNT(*) FROM members WHERE app = $1 AND room = $2", app, room)
		if err != nil {
			return err
		}
		there, err := membersAmong(a, app, room, members)
		if err != nil {
			return err
		}
		added = nil
		var fresh []Member
		for _, m := range members {
			if n < most && !there[m.Account] {
				there[m.Account] = true
				fresh, added = append(fresh, m), append(added, m.Account)
				n++
			}
		}
		full = n >= most
		return putMembers(a, app, room, fresh)
	})
	return added, full, err
}

// membersAmong are those of the members who are in a room.
func membersAmong(a access, app int, room string, members []Member) (map[string]bool, error) {
	accounts := make([]string, len(members))
	for i, m := range members {
		accounts[i] = m.Account
	}
	there := make(map[string]bool, len(members))
	err := inParts(accounts, func(accounts []string) error {
		part, err := list(a, single[string], "SELECT account FROM members WHERE app = $1 AND room = $2 AND account IN "+places(3, len(accounts)),
			append([]any{app, room}, anys(accounts)...)...)
		for _, account := range part {
			there[account] = true
		}
		return err
	})
	return there, err
}

// ModifyMember changes what change changes of a member, in one transaction, or returns ErrNotFound. An error of change
// leaves it as it was. change must not call the store, and may run twice.
func (s *Store) ModifyMember(ctx context.Context, app int, room, account string, change func(*Member) error) error {
	return s.write(ctx, "modify a member", func(a access) error {
		member, err := one(a, scanMember, selectMembers+" AND account = $3", app, room, account)
		if err != nil {
			return err
		}
		if err := change(&member); err != nil {
			return err
		}
		member.Account = account
		return putMembers(a, app, room, []Member{member})
	})
}

// DeleteMembers takes accounts out of a room's list. Those that are not in it are passed over.
func (s *Store) DeleteMembers(ctx context.Context, app int, room string, accounts []string) error {
	return s.write(ctx, "delete members", func(a access) error {
		return deleteOf(a, "members", "account", app, room, accounts)
	})
}

// Members are those of a room from an offset on, in the order that they joined; total counts them all.
func (s *Store) Members(ctx context.Context, app int, room string, limit, offset int) (members []Member, total int, err error) {
	err = s.read(ctx, "list members", func(a access) error {
		if total, err = one(a, single[int], "SELECT COUNT(*) FROM members WHERE app = $1 AND room = $2", app, room); err != nil {
			return err
		}
		members, err = list(a, scanMember, selectMembers+" ORDER BY joined, account LIMIT $3 OFFSET $4", app, room, limit, offset)
		return err
	})
	return members, total, err
}

// Member is one of a room's members, or ErrNotFound.
func (s *Store) Member(ctx context.Context, app int, room, account string) (member Member, err error) {
	err = s.read(ctx, "read a member", func(a access) error {
		member, err = one(a, scanMember, selectMembers+" AND account = $3", app, room, account)
		return err
	})
	return member, err
}

const selectMembers = "SELECT account, role, joined, facts FROM members WHERE app = $1 AND room = $2"

func scanMember(scan scanner) (Member, error) {
	var member Member
	var joined int64
	var text []byte
	if err := scan(&member.Account, &member.Role, &joined, &text); err != nil {
		return member, err
	}
	var facts memberFacts
	err := unpack(text, &facts)
	member.NameCard, member.Fields, member.Joined = facts.NameCard, facts.Fields, fromMillis(joined)
	return member, err
}
