package v4

import (
	"errors"

	"weir/room/im"
)

var avchatroomService = service{
	name: "group_open_avchatroom_http_svc", parameter: groupService.parameter, internal: groupService.internal, unknown: groupService.unknown,
	as: groupService.as,
	commands: []command{
		{name: "get_members", handler: on((*call).getMembers)},
	},
}

// maxPresent is how many accounts in a room are told: those who came last.
const maxPresent = 1000

// presentMember is an account in a room.
type presentMember struct {
	MemberAccount string `json:"Member_Account"`
	JoinTime      int64
	NickName      string
	Avatar        string
}

// getMembers gives the accounts in a room, those who came last first. They fit one page, so there is no next one.
func (c *call) getMembers(q *groupID) (any, error) {
	if _, err := c.o.Rooms.Info(c.ctx, c.actor, q.GroupID); err != nil {
		return nil, err
	}
	present := c.o.Present(c.actor.App, q.GroupID, maxPresent)
	list := make([]presentMember, 0, len(present))
	for _, p := range present {
		account, err := c.o.People.Account(c.ctx, c.actor.App, p.Account)
		if err != nil && !errors.Is(err, im.ErrUnknownAccount) {
			return nil, err
		}
		list = append(list, presentMember{p.Account, p.Since, account.Profile[im.TagNick], account.Profile[im.TagImage]})
	}
	return struct {
		MemberList []presentMember
		Next       int64
	}{list, 0}, nil
}
