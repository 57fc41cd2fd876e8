package v4

import (
	"maps"
	"slices"

	"weir/room/im/rooms"
)

// attribute is an attribute of a room. Its names are in lower case, unlike all others.
type attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type groupAttr struct {
	groupID
	GroupAttr []attribute `need:""`
}

// setGroupAttr makes the attributes all that there are.
func (c *call) setGroupAttr(q *groupAttr) (any, error) { return nil, c.changeAttr(q, true) }

// modifyGroupAttr sets the attributes beside those that there are.
func (c *call) modifyGroupAttr(q *groupAttr) (any, error) { return nil, c.changeAttr(q, false) }

func (c *call) changeAttr(q *groupAttr, replace bool) error {
	change := rooms.AttributeChange{Set: make(map[string]string, len(q.GroupAttr)), Replace: replace}
	for _, attr := range q.GroupAttr {
		change.Set[attr.Key] = attr.Value
	}
	_, err := c.o.Rooms.SetAttributes(c.ctx, c.actor, q.GroupID, change)
	return err
}

func (c *call) clearGroupAttr(q *groupID) (any, error) {
	_, err := c.o.Rooms.SetAttributes(c.ctx, c.actor, q.GroupID, rooms.AttributeChange{Replace: true})
	return nil, err
}

func (c *call) getGroupAttr(q *groupID) (any, error) {
	attrs, err := c.o.Rooms.Attributes(c.ctx, c.actor, q.GroupID)
	list := make([]attribute, 0, len(attrs.Values))
	for _, key := range slices.Sorted(maps.Keys(attrs.Values)) {
		list = append(list, attribute{key, attrs.Values[key]})
	}
	return struct{ GroupAttrAry []attribute }{list}, err
}

// groupCounter is a counter of a room.
type groupCounter struct {
	Key   string
	Value int64
}

// counters are counters in the order of their keys; those of the filter, if it has any.
func counters(values map[string]int64, filter []string) []groupCounter {
	list := make([]groupCounter, 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(filter) == 0 || slices.Contains(filter, key) {
			list = append(list, groupCounter{key, values[key]})
		}
	}
	return list
}

type updateGroupCounter struct {
	groupID
	GroupCounter []groupCounter `need:""`
	Mode         string         `need:""`
}

// updateGroupCounter answers the new values.
func (c *call) updateGroupCounter(q *updateGroupCounter) (any, error) {
	values := make(map[string]int64, len(q.GroupCounter))
	for _, counter := range q.GroupCounter {
		values[counter.Key] = counter.Value
	}
	values, err := c.o.Rooms.Count(c.ctx, c.actor, q.GroupID, rooms.CountMode(q.Mode), values)
	return struct{ GroupCounter []groupCounter }{counters(values, nil)}, err
}

type getGroupCounter struct {
	groupID
	GroupCounterKeys []string
}

func (c *call) getGroupCounter(q *getGroupCounter) (any, error) {
	values, err := c.o.Rooms.Counters(c.ctx, c.actor, q.GroupID)
	return struct{ GroupCounter []groupCounter }{counters(values, q.GroupCounterKeys)}, err
}
