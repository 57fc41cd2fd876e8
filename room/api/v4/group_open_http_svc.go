package v4

import (
	"weir/room/im"
	"weir/room/im/rooms"
)

var groupService = service{
	name: "group_open_http_svc", parameter: im.ErrBadParameter.Number, internal: im.ErrInternal.Number, unknown: 10003,
	as: map[int]int{
		im.ErrBadBody.Number:        im.ErrBadParameter.Number,
		im.ErrBadProfile.Number:     im.ErrBadParameter.Number,
		im.ErrBadAccount.Number:     im.ErrNoAccount.Number,
		im.ErrUnknownAccount.Number: im.ErrNoAccount.Number,
		im.ErrNotImported.Number:    im.ErrNoAccount.Number,
	},
	commands: []command{
		{name: "create_group", handler: on((*call).createGroup)},
		{name: "destroy_group", handler: on((*call).destroyGroup)},
		{name: "get_group_info", handler: on((*call).getGroupInfo)},
		{name: "modify_group_base_info", handler: on((*call).modifyGroupBaseInfo)},
		{name: "change_group_owner", handler: on((*call).changeGroupOwner)},
		{name: "get_appid_group_list", handler: on((*call).getAppidGroupList)},

		{name: "add_group_member", handler: on((*call).addGroupMember)},
		{name: "delete_group_member", handler: on((*call).deleteGroupMember)},
		{name: "get_group_member_info", handler: on((*call).getGroupMemberInfo)},
		{name: "get_online_member_num", handler: on((*call).getOnlineMemberNum)},

		{name: "forbid_send_msg", handler: on((*call).forbidSendMsg)},
		{name: "get_group_shutted_uin", handler: on((*call).getGroupShuttedUin)},
		{name: "get_group_muted_account", handler: on((*call).getGroupMutedAccount)}, // the same, in new names
		{name: "ban_group_member", handler: on((*call).banGroupMember)},
		{name: "unban_group_member", handler: on((*call).unbanGroupMember)},
		{name: "get_group_ban_member", handler: on((*call).getGroupBanMember)},

		{name: "send_group_msg", handler: on((*call).sendGroupMsg)},
		{name: "send_group_system_notification", handler: on((*call).sendGroupSystemNotification)},
		{name: "send_broadcast_msg", perSecond: 1, handler: on((*call).sendBroadcastMsg)},

		{name: "set_group_attr", handler: on((*call).setGroupAttr)},
		{name: "modify_group_attr", handler: on((*call).modifyGroupAttr)},
		{name: "clear_group_attr", handler: on((*call).clearGroupAttr)},
		{name: "get_group_attr", handler: on((*call).getGroupAttr)},
		{name: "update_group_counter", handler: on((*call).updateGroupCounter)},
		{name: "get_group_counter", handler: on((*call).getGroupCounter)},
	},
}

// pair is a custom field of a room or a member, or a counter's.
type pair struct {
	Key   string
	Value string
}

func fieldPairs(list []pair) []im.FieldPair {
	out := make([]im.FieldPair, 0, len(list))
	for _, p := range list {
		out = append(out, im.FieldPair{Key: p.Key, Value: p.Value})
	}
	return out
}

type createGroup struct {
	Type            string `need:""`
	Name            string `need:""`
	GroupID         string `json:"GroupId"`
	OwnerAccount    string `json:"Owner_Account"`
	Introduction    string
	Notification    string
	FaceURL         string `json:"FaceUrl"`
	MaxMemberCount  int
	ApplyJoinOption string
	AppDefinedData  []pair
	MemberList      []struct {
		MemberAccount        string `json:"Member_Account"`
		Role                 string
		AppMemberDefinedData []pair
	}
}

func (c *call) createGroup(q *createGroup) (any, error) {
	n := rooms.NewRoom{
		ID: q.GroupID, Type: q.Type, Name: q.Name, Owner: q.OwnerAccount, Introduction: q.Introduction,
		Notification: q.Notification, Face: q.FaceURL, Join: q.ApplyJoinOption, MaxMembers: q.MaxMemberCount,
		Fields: fieldPairs(q.AppDefinedData),
	}
	for _, m := range q.MemberList {
		n.Members = append(n.Members, rooms.NewMember{
			Account: m.MemberAccount, Role: m.Role, Fields: fieldPairs(m.AppMemberDefinedData),
		})
	}
	room, err := c.o.Rooms.Create(c.ctx, c.actor, n)
	return groupID{room.ID}, err
}

// groupID is a room in requests that have no more, and in answers.
type groupID struct {
	GroupID string `json:"GroupId" need:""`
}

func (c *call) destroyGroup(q *groupID) (any, error) {
	return nil, c.o.Rooms.Destroy(c.ctx, c.actor, q.GroupID)
}

// modifyGroupBaseInfo has muting of all in its old name and its new one.
type modifyGroupBaseInfo struct {
	groupID
	Name            *string
	Introduction    *string
	Notification    *string
	FaceURL         *string `json:"FaceUrl"`
	MaxMemberNum    *int
	ApplyJoinOption *string
	ShutUpAllMember *string
	MuteAllMember   *string
	AppDefinedData  []pair
}

func (c *call) modifyGroupBaseInfo(q *modifyGroupBaseInfo) (any, error) {
	change := rooms.Change{
		Name: q.Name, Introduction: q.Introduction, Notification: q.Notification, Face: q.FaceURL,
		Join: q.ApplyJoinOption, MaxMembers: q.MaxMemberNum, Fields: fieldPairs(q.AppDefinedData),
	}
	mute := q.MuteAllMember
	if mute == nil {
		mute = q.ShutUpAllMember
	}
	if mute != nil {
		on := *mute == "On"
		if !on && *mute != "Off" {
			return nil, c.badParameter("MuteAllMember is neither On nor Off")
		}
		change.MuteAll = &on
	}
	return nil, c.o.Rooms.Modify(c.ctx, c.actor, q.GroupID, change)
}

type changeGroupOwner struct {
	groupID
	NewOwnerAccount string `json:"NewOwner_Account" need:""`
}

func (c *call) changeGroupOwner(q *changeGroupOwner) (any, error) {
	return nil, c.o.Rooms.SetOwner(c.ctx, c.actor, q.GroupID, q.NewOwnerAccount)
}

// maxListed is how many rooms a page has.
const maxListed = 10_000

// getAppidGroupList asks for a page of the rooms of a type; the type has two names.
type getAppidGroupList struct {
	Limit     int
	Next      int
	GroupType string
	Type      string
}

func (c *call) getAppidGroupList(q *getAppidGroupList) (any, error) {
	if q.Limit < 0 || q.Limit > maxListed || q.Next < 0 {
		return nil, c.badParameter("Limit is not from 0 to %d, or Next is less than 0", maxListed)
	}
	if q.Limit == 0 {
		q.Limit = maxListed
	}
	typ := q.GroupType
	if typ == "" {
		typ = q.Type
	}
	after, err := c.skip(typ, q.Next)
	if err != nil {
		return nil, err
	}
	answer := struct {
		TotalCount  int
		GroupIDList []groupID `json:"GroupIdList"`
		Next        int
	}{GroupIDList: []groupID{}}
	ids, next, total, err := c.o.Rooms.List(c.ctx, c.actor.App, typ, q.Limit, after)
	if err != nil {
		return nil, err
	}
	if q.Next > 0 && after == "" {
		ids, next = nil, "" // behind the end
	}
	answer.TotalCount = total
	for _, id := range ids {
		answer.GroupIDList = append(answer.GroupIDList, groupID{id})
	}
	if next != "" {
		answer.Next = q.Next + len(ids)
	}
	return answer, nil
}

// skip is where the list goes on after n rooms: Next is a number on the wire, and an id to us.
func (c *call) skip(typ string, n int) (after string, err error) {
	for n > 0 {
		var ids []string
		ids, after, _, err = c.o.Rooms.List(c.ctx, c.actor.App, typ, min(n, maxListed), after)
		if err != nil || after == "" {
			return "", err
		}
		n -= len(ids)
	}
	return after, nil
}
