package rooms

import (
	"context"
	"maps"
	"slices"

	"weir/room/im"
	"weir/room/store"
)

const (
	maxAttributes = 16
	// maxAttributeName and maxAttributeValue are in bytes.
	maxAttributeName, maxAttributeValue = 32, 4096
)

// Attributes are a room's attributes, and their main sequence, which grows with every change.
type Attributes = store.Attributes

// AttributeChange is what shall be otherwise of a room's attributes.
type AttributeChange struct {
	Set     map[string]string
	Delete  []string // im.ErrNoAttribute where one of them is not there
	Replace bool     // Set is all that there shall be; without Set: nothing
	// Seq is the main sequence that the caller knows, nil when it does not matter: the change is refused with
	// im.ErrAttributeConflict when it is another by now.
	Seq *uint64
}

// SetAttributes changes a room's attributes, at most 16 with names of 32 bytes and values of 4 KB, and gives the main
// sequence. The owner and admins of the room may, and who has a seat.
func (r *Rooms) SetAttributes(ctx context.Context, a im.Actor, id string, c AttributeChange) (seq uint64, err error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return 0, err
	}
	if f.Role(a) < Admin && !f.Seated(a.User) {
		return 0, refuse(a)
	}
	if err := c.check(); err != nil {
		return 0, err
	}
	var told map[string]*string
	attributes, err := r.o.Store.ModifyAttributes(ctx, a.App, id, func(attributes *Attributes) error {
		if c.Seq != nil && *c.Seq != attributes.Seq {
			return im.ErrAttributeConflict
		}
		before := maps.Clone(attributes.Values)
		if err := c.apply(attributes.Values); err != nil {
			return err
		}
		told = difference(before, attributes.Values)
		attributes.Seq++
		return nil
	})
	if err != nil {
		return 0, failed("set attributes", err)
	}
	r.announce(changed{App: a.App, Room: id})
	if len(told) > 0 {
		r.teller.Tip(a.App, id, im.Tip{Op: im.TipAttr, Operator: a.User, Attributes: told})
	}
	return attributes.Seq, nil
}

func (c *AttributeChange) check() error {
	if len(c.Set) == 0 && len(c.Delete) == 0 && !c.Replace {
		return im.ErrBadParameter.With("no attribute is named")
	}
	if len(c.Set) > maxAttributes || len(c.Delete) > maxAttributes {
		return im.ErrBadParameter.With("a room has at most %d attributes", maxAttributes)
	}
	for name, value := range c.Set {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := checkText("the attribute "+name, value, maxAttributeValue); err != nil {
			return err
		}
	}
	for _, name := range c.Delete {
		if err := checkAttributeName(name); err != nil {
			return err
		}
	}
	return nil
}

func checkAttributeName(name string) error {
	if name == "" {
		return im.ErrBadParameter.With("an attribute has a name")
	}
	return checkText("the name of an attribute", name, maxAttributeName)
}

// apply makes the change, or leaves the values in any state with an error.
func (c *AttributeChange) apply(values map[string]string) error {
	if c.Replace {
		clear(values)
	}
	for _, name := range c.Delete {
		if _, ok := values[name]; !ok {
			return im.ErrNoAttribute
		}
	}
	maps.DeleteFunc(values, func(name, _ string) bool { return slices.Contains(c.Delete, name) })
	maps.Copy(values, c.Set)
	if len(values) > maxAttributes {
		return im.ErrBadParameter.With("a room has at most %d attributes", maxAttributes)
	}
	return nil
}

// difference is the new values of those that changed; nil: deleted.
func difference(before, after map[string]string) map[string]*string {
	changed := make(map[string]*string)
	for name := range before {
		if _, ok := after[name]; !ok {
			changed[name] = nil
		}
	}
	for name, value := range after {
		if old, ok := before[name]; !ok || old != value {
			changed[name] = &value
		}
	}
	return changed
}

// Attributes are a room's attributes, and their main sequence. The map is shared: it is not to be changed.
func (r *Rooms) Attributes(ctx context.Context, a im.Actor, id string) (Attributes, error) {
	if _, err := r.readable(ctx, a, id); err != nil {
		return Attributes{}, err
	}
	return r.attributes.get(ctx, key{a.App, id})
}

// readable gives the facts of a room of which an actor may read what is meant for all who are in it.
func (r *Rooms) readable(ctx context.Context, a im.Actor, id string) (*Facts, error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return nil, err
	}
	if f.reader(a) < Member {
		return nil, refuse(a)
	}
	return f, nil
}

func (r *Rooms) loadAttributes(ctx context.Context, k key) (Attributes, error) {
	attributes, err := r.o.Store.Attributes(ctx, k.app, k.id)
	if err != nil {
		return Attributes{}, failed("read attributes", err)
	}
	return attributes, nil
}

func attributesCost(attributes Attributes) int {
	cost := 0
	for name, value := range attributes.Values {
		cost += len(name) + len(value) + 64
	}
	return cost
}
