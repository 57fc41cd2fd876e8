package v4

import (
	"weir/room/im/rooms"
	"weir/room/store"
)

// The bounds of lists of members.
const (
	maxAdded    = 300
	maxRemoved  = 500 // as old programs send
	maxMuted    = 500 // the same
	atOnce      = 100 // which the rooms take at once
	maxBanned   = 20
	maxBanPage  = 100
	maxPage     = 6000
	defaultPage = 100
	maxKnown    = 300 // of a room without a list
)

type addGroupMember struct {
	groupID
	Silence    int
	MemberList []struct {
		MemberAccount string `json:"Member_Account"`
	} `need:""`
}

// addedMember is what became of one: 0 failed, 1 added, 2 was a member already.
type addedMember struct {
	MemberAccount string `json:"Member_Account"`
	Result        rooms.Result
}

func (c *call) addGroupMember(q *addGroupMember) (any, error) {
	if len(q.MemberList) > maxAdded {
		return nil, c.tooMany(maxAdded)
	}
	accounts := make([]string, 0, len(q.MemberList))
	for _, m := range q.MemberList {
		accounts = append(accounts, m.MemberAccount)
	}
	added, err := c.o.Rooms.AddMembers(c.ctx, c.actor, q.GroupID, accounts, q.Silence == 1)
	if err != nil {
		return nil, err
	}
	list := make([]addedMember, 0, len(added))
	for _, m := range added {
		list = append(list, addedMember{m.Account, m.Result})
	}
	return struct{ MemberList []addedMember }{list}, nil
}

type deleteGroupMember struct {
	groupID
	Silence  int
	Reason   string   // taken, and told to nobody
	Accounts []string `json:"MemberToDel_Account" need:""`
}

func (c *call) deleteGroupMember(q *deleteGroupMember) (any, error) {
	if len(q.Accounts) > maxRemoved {
		return nil, c.tooMany(maxRemoved)
	}
	return nil, inParts(q.Accounts, atOnce, func(part []string) error {
		return c.o.Rooms.RemoveMembers(c.ctx, c.actor, q.GroupID, part, q.Silence == 1)
	})
}

type getGroupMemberInfo struct {
	groupID
	Limit            int
	Offset           int
	MemberInfoFilter []string
	GroupMember      []string `json:"AppDefinedDataFilter_GroupMember"`
}

// getGroupMemberInfo gives a page of the list of members. In a room without one it gives who is in it, as far as it is
// known.
func (c *call) getGroupMemberInfo(q *getGroupMemberInfo) (any, error) {
	if q.Limit < 0 || q.Limit > maxPage || q.Offset < 0 {
		return nil, c.badParameter("Limit is not from 0 to %d, or Offset is less than 0", maxPage)
	}
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	info, err := c.o.Rooms.Info(c.ctx, c.actor, q.GroupID)
	if err != nil {
		return nil, err
	}
	answer := struct {
		MemberNum  int
		MemberList []object
	}{MemberNum: info.Members}
	filter := &infoFilter{MemberInfoFilter: q.MemberInfoFilter, GroupMember: q.GroupMember}
	if hasList(info.Type) {
		answer.MemberList, err = c.members(q.GroupID, q.Limit, q.Offset, filter)
		return answer, err
	}
	answer.MemberNum = c.o.Channel.Count(c.actor.App, q.GroupID)
	present := c.o.Present(c.actor.App, q.GroupID, min(q.Limit, maxKnown))
	answer.MemberList = make([]object, 0, len(present))
	for _, p := range present {
		answer.MemberList = append(answer.MemberList, append(object{{"Member_Account", p.Account}},
			object{{"Role", "Member"}, {"JoinTime", p.Since}}.only(q.MemberInfoFilter)...))
	}
	return answer, nil
}

// members is a page of a room's list of members, with the keys that the filter lets through.
func (c *call) members(room string, limit, offset int, filter *infoFilter) ([]object, error) {
	list, _, err := c.o.Rooms.Members(c.ctx, c.actor, room, limit, offset)
	if err != nil {
		return nil, err
	}
	mutes, err := c.o.Rooms.Mutes(c.ctx, c.actor, room)
	if err != nil {
		return nil, err
	}
	until := make(map[string]int64, len(mutes))
	for _, m := range mutes {
		until[m.Account] = m.Until
	}
	out := make([]object, 0, len(list))
	for _, m := range list {
		o := append(object{{"Member_Account", m.Account}}, object{
			{"Role", m.Role},
			{"JoinTime", m.Joined.Unix()},
			{"NameCard", m.NameCard},
			{"ShutUpUntil", until[m.Account]},
		}.only(filter.MemberInfoFilter)...)
		out = append(out, append(o, property{"AppMemberDefinedData", definedData(m.Fields, filter.GroupMember)}))
	}
	return out, nil
}

// getOnlineMemberNum tells how many are in a room, anonymous viewers with them.
func (c *call) getOnlineMemberNum(q *groupID) (any, error) {
	if _, err := c.o.Rooms.Info(c.ctx, c.actor, q.GroupID); err != nil {
		return nil, err
	}
	return struct{ OnlineMemberNum int }{c.o.Channel.Count(c.actor.App, q.GroupID)}, nil
}

// forbidSendMsg has its time in its old name and its new one.
type forbidSendMsg struct {
	groupID
	MembersAccount []string `json:"Members_Account" need:""`
	ShutUpTime     *uint32
	MuteTime       *uint32
}

func (c *call) forbidSendMsg(q *forbidSendMsg) (any, error) {
	seconds := q.MuteTime
	if seconds == nil {
		seconds = q.ShutUpTime
	}
	switch {
	case seconds == nil:
		return nil, c.badParameter("MuteTime is missing")
	case len(q.MembersAccount) > maxMuted:
		return nil, c.tooMany(maxMuted)
	}
	return nil, inParts(q.MembersAccount, atOnce, func(part []string) error {
		return c.o.Rooms.Mute(c.ctx, c.actor, q.GroupID, part, *seconds)
	})
}

func (c *call) getGroupShuttedUin(q *groupID) (any, error) {
	type shutted struct {
		MemberAccount string `json:"Member_Account"`
		ShuttedUntil  int64
	}
	list, err := listUntil(c, q.GroupID, func(u store.Until) shutted { return shutted{u.Account, u.Until} })
	return struct {
		groupID
		ShuttedUinList []shutted
	}{*q, list}, err
}

func (c *call) getGroupMutedAccount(q *groupID) (any, error) {
	type muted struct {
		MemberAccount string `json:"Member_Account"`
		MutedUntil    int64
	}
	list, err := listUntil(c, q.GroupID, func(u store.Until) muted { return muted{u.Account, u.Until} })
	return struct {
		groupID
		MutedAccountList []muted
	}{*q, list}, err
}

// listUntil is who is muted in a room, as the wire has them.
func listUntil[T any](c *call, room string, as func(store.Until) T) ([]T, error) {
	mutes, err := c.o.Rooms.Mutes(c.ctx, c.actor, room)
	list := make([]T, 0, len(mutes))
	for _, m := range mutes {
		list = append(list, as(m))
	}
	return list, err
}

type banGroupMember struct {
	groupID
	MembersAccount []string `json:"Members_Account" need:""`
	Duration       *uint32  `need:""`
}

func (c *call) banGroupMember(q *banGroupMember) (any, error) {
	if len(q.MembersAccount) > maxBanned {
		return nil, c.tooMany(maxBanned)
	}
	return nil, c.o.Rooms.Ban(c.ctx, c.actor, q.GroupID, q.MembersAccount, *q.Duration)
}

type unbanGroupMember struct {
	groupID
	MembersAccount []string `json:"Members_Account" need:""`
}

func (c *call) unbanGroupMember(q *unbanGroupMember) (any, error) {
	if len(q.MembersAccount) > maxBanned {
		return nil, c.tooMany(maxBanned)
	}
	return nil, c.o.Rooms.Unban(c.ctx, c.actor, q.GroupID, q.MembersAccount)
}

type getGroupBanMember struct {
	groupID
	Limit  int
	Offset int
}

// bannedMember is who is kept out of a room, and until when.
type bannedMember struct {
	MemberAccount string `json:"Member_Account"`
	BannedUntil   int64
}

func (c *call) getGroupBanMember(q *getGroupBanMember) (any, error) {
	if q.Limit < 0 || q.Limit > maxBanPage || q.Offset < 0 {
		return nil, c.badParameter("Limit is not from 0 to %d, or Offset is less than 0", maxBanPage)
	}
	if q.Limit == 0 {
		q.Limit = maxBanPage
	}
	bans, total, err := c.o.Rooms.Bans(c.ctx, c.actor, q.GroupID, q.Limit, q.Offset)
	if err != nil {
		return nil, err
	}
	list := make([]bannedMember, 0, len(bans))
	for _, b := range bans {
		list = append(list, bannedMember{b.Account, b.Until})
	}
	next := q.Offset + len(list)
	if next >= total {
		next = 0
	}
	return struct {
		BannedAccountList []bannedMember
		NextOffset        int
	}{list, next}, nil
}

// hasList tells whether rooms of a type have a list of members.
func hasList(typ string) bool { return typ != rooms.AVChatRoom && typ != rooms.BChatRoom }

// inParts calls do with parts of a list that are not longer than most, until one fails.
func inParts(list []string, most int, do func(part []string) error) error {
	for len(list) > most {
		if err := do(list[:most]); err != nil {
			return err
		}
		list = list[most:]
	}
	return do(list)
}
