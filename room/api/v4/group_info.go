package v4

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"weir/room/im"
	"weir/room/im/rooms"
)

// The bounds of get_group_info.
const (
	maxInfos       = 50
	maxInfoMembers = 10_000 // of all rooms that one call asks for: more are longer than an answer may be
)

type getGroupInfo struct {
	GroupIDList    []string `json:"GroupIdList" need:""`
	ResponseFilter infoFilter
}

// infoFilter says which keys the answer shall have; all, where it says nothing.
type infoFilter struct {
	GroupBaseInfoFilter []string
	MemberInfoFilter    []string
	Group               []string `json:"AppDefinedDataFilter_Group"`
	GroupMember         []string `json:"AppDefinedDataFilter_GroupMember"`
}

func (c *call) getGroupInfo(q *getGroupInfo) (any, error) {
	if len(q.GroupIDList) > maxInfos {
		return nil, c.badParameter("there are more than %d groups", maxInfos)
	}
	list, members := make([]object, 0, len(q.GroupIDList)), 0
	for _, id := range q.GroupIDList {
		info, err := c.o.Rooms.Info(c.ctx, c.actor, id)
		var refusal *im.Error
		switch {
		case errors.As(err, &refusal):
			refusal = c.service.refusal(err)
			list = append(list, object{{"GroupId", id}, {"ErrorCode", refusal.Number}, {"ErrorInfo", refusal.Info}})
			continue
		case err != nil:
			return nil, err
		}
		if members += info.Members; members > maxInfoMembers {
			return nil, errTooLarge
		}
		o, err := c.infoOf(&info, &q.ResponseFilter)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return struct{ GroupInfo []object }{list}, nil
}

// infoOf is one room, with the keys that the filter lets through.
func (c *call) infoOf(r *rooms.Info, filter *infoFilter) (object, error) {
	num := r.Members
	if !hasList(r.Type) {
		num = c.o.Channel.Count(c.actor.App, r.ID)
	}
	mute := "Off"
	if r.MuteAll {
		mute = "On"
	}
	facts := object{
		{"Type", r.Type},
		{"Name", r.Name},
		{"Introduction", r.Introduction},
		{"Notification", r.Notification},
		{"FaceUrl", r.Face},
		{"Owner_Account", r.Owner},
		{"CreateTime", r.Created.Unix()},
		{"InfoSeq", r.InfoSeq},
		{"LastInfoTime", r.LastInfo.Unix()},
		{"MemberNum", num},
		{"MaxMemberNum", r.MaxMembers},
		{"ApplyJoinOption", r.Join},
		{"ShutUpAllMember", mute},
		{"MuteAllMember", mute},
		{"Status", r.Status},
	}.only(filter.GroupBaseInfoFilter)
	o := append(object{{"GroupId", r.ID}, {"ErrorCode", 0}, {"ErrorInfo", ""}}, facts...)
	o = append(o, property{"AppDefinedData", definedData(r.Fields, filter.Group)})
	if !hasList(r.Type) {
		return o, nil
	}
	members, err := c.members(r.ID, r.Members, 0, filter)
	return append(o, property{"MemberList", members}), err
}

// definedData are custom fields in the order of their names; those of the filter, if it has any.
func definedData(fields map[string]string, filter []string) []pair {
	list := make([]pair, 0, len(fields))
	for key, value := range fields {
		if len(filter) == 0 || slices.Contains(filter, key) {
			list = append(list, pair{key, value})
		}
	}
	slices.SortFunc(list, func(a, b pair) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// object is an object of JSON whose properties keep their order.
type object []property

type property struct {
	key   string
	value any
}

// only is the object with those keys alone; with all, where none are named.
func (o object) only(keys []string) object {
	if len(keys) == 0 {
		return o
	}
	return slices.DeleteFunc(o, func(p property) bool { return !slices.Contains(keys, p.key) })
}

// MarshalJSON writes the properties in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, p := range o {
		writeKey(&out, i, p.key)
		value, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
