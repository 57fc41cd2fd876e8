package manage

import (
	"maps"
	"slices"
	"strings"
	"time"

	"weir/room/im/rooms"
	"weir/room/store"
)

// attributesJSON are the attributes of a room, and the number that grows with each change.
type attributesJSON struct {
	Attributes map[string]string `json:"attributes"`
	Seq        uint64            `json:"seq"`
}

// RoomAttributes answers GET /api/v1/rooms/{room}/attributes.
func RoomAttributes(m *Manage, r *Request) (any, error) {
	got, err := m.o.Rooms.Attributes(r.Context(), r.actor, r.room)
	if err != nil {
		return nil, err
	}
	out := attributesJSON{Attributes: got.Values, Seq: got.Seq}
	if out.Attributes == nil {
		out.Attributes = map[string]string{}
	}
	return out, nil
}

// attributesPatch is what shall be otherwise of attributes: null deletes one.
type attributesPatch struct {
	Attributes map[string]*string `json:"attributes"`
	// Replace makes those that are named all that there are.
	Replace bool `json:"replace"`
	// Seq refuses the change when there was another one since.
	Seq *uint64 `json:"seq"`
}

// PatchAttributes answers PATCH /api/v1/rooms/{room}/attributes.
func PatchAttributes(m *Manage, r *Request) (any, error) {
	var p attributesPatch
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	c := rooms.AttributeChange{Set: make(map[string]string), Replace: p.Replace, Seq: p.Seq}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		if value := p.Attributes[name]; value != nil {
			c.Set[name] = *value
		} else {
			c.Delete = append(c.Delete, name)
		}
	}
	if _, err := m.o.Rooms.SetAttributes(r.Context(), r.actor, r.room, c); err != nil {
		return nil, err
	}
	return RoomAttributes(m, r)
}

// RoomCounters answers GET /api/v1/rooms/{room}/counters.
func RoomCounters(m *Manage, r *Request) (any, error) {
	values, err := m.o.Rooms.Counters(r.Context(), r.actor, r.room)
	return countersOf(values, err)
}

func countersOf(values map[string]int64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if values == nil {
		values = map[string]int64{}
	}
	return map[string]map[string]int64{"counters": values}, nil
}

// countersPatch is what shall become of counters.
type countersPatch struct {
	Mode     string           `json:"mode"` // set, increase or decrease
	Counters map[string]int64 `json:"counters"`
}

// modes are the ways in which counters change.
var modes = map[string]rooms.CountMode{"set": rooms.CountSet, "increase": rooms.CountIncrease, "decrease": rooms.CountDecrease}

// PatchCounters answers PATCH /api/v1/rooms/{room}/counters.
func PatchCounters(m *Manage, r *Request) (any, error) {
	var p countersPatch
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	mode, ok := modes[p.Mode]
	if !ok {
		return nil, bad("mode must be set, increase or decrease")
	}
	return countersOf(m.o.Rooms.Count(r.Context(), r.actor, r.room, mode, p.Counters))
}

// seatJSON is a seat, or a request for one.
type seatJSON struct {
	User  string    `json:"user"`
	State string    `json:"state"` // seated, invited or requested
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since"`
}

// RoomSeats answers GET /api/v1/rooms/{room}/seats.
func RoomSeats(m *Manage, r *Request) (any, error) {
	list, err := m.o.Rooms.Seats(r.Context(), r.actor, r.room)
	if err != nil {
		return nil, err
	}
	out := make([]seatJSON, 0, len(list))
	for _, s := range list {
		out = append(out, seatJSON{User: s.Account, State: s.State, By: s.By, Since: s.Since.UTC()})
	}
	return map[string][]seatJSON{"seats": out}, nil
}

// PutSeat answers PUT /api/v1/rooms/{room}/seats/{user}: who asked for a seat has it, anybody else is invited to one.
func PutSeat(m *Manage, r *Request) (any, error) {
	user, err := r.user()
	if err != nil {
		return nil, err
	}
	return nil, m.o.Rooms.InviteSeat(r.Context(), r.actor, r.room, user)
}

// DeleteSeat answers DELETE /api/v1/rooms/{room}/seats/{user}.
func DeleteSeat(m *Manage, r *Request) (any, error) {
	user, err := r.user()
	if err != nil {
		return nil, err
	}
	return nil, m.o.Rooms.RevokeSeat(r.Context(), r.actor, r.room, user)
}

// fieldJSON is the definition of a custom field.
type fieldJSON struct {
	Name  string   `json:"name"`
	Of    string   `json:"of"`              // room or member
	Types []string `json:"types,omitempty"` // of rooms that have it; all when left out
	Read  string   `json:"read"`
	Write string   `json:"write"`
}

// What a custom field belongs to.
const (
	ofRoom   = "room"
	ofMember = "member"
)

// ListFields answers GET /api/v1/fields.
func ListFields(m *Manage, r *Request) (any, error) {
	list, err := m.o.Rooms.Fields(r.Context(), r.actor.App)
	if err != nil {
		return nil, err
	}
	out := make([]fieldJSON, 0, len(list))
	for _, f := range list {
		one := fieldJSON{Name: f.Name, Of: ofRoom, Types: f.Types, Read: f.Read, Write: f.Write}
		if f.Member {
			one.Of = ofMember
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(x, y fieldJSON) int { return strings.Compare(x.Name, y.Name) })
	return map[string][]fieldJSON{"fields": out}, nil
}

// newField is what a custom field shall be. Its name stands in the path.
type newField struct {
	Of    string   `json:"of"`
	Types []string `json:"types"`
	Read  string   `json:"read"`
	Write string   `json:"write"`
}

// PutField answers PUT /api/v1/fields/{name}: it defines a custom field, or changes who may read and write it. There is no
// way to delete one.
func PutField(m *Manage, r *Request) (any, error) {
	var asked newField
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	if asked.Of != "" && asked.Of != ofRoom && asked.Of != ofMember {
		return nil, bad("of must be room or member")
	}
	f := store.Field{Name: r.PathValue("name"), Member: asked.Of == ofMember, Types: asked.Types, Read: asked.Read, Write: asked.Write}
	there, err := m.o.Rooms.Fields(r.Context(), r.actor.App)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(there, func(o store.Field) bool { return o.Name == f.Name && o.Member == f.Member }) {
		return nil, m.o.Rooms.ModifyField(r.Context(), r.actor, f)
	}
	return nil, m.o.Rooms.DefineField(r.Context(), r.actor, f)
}
