package v4

import (
	"slices"

	"weir/room/im"
	"weir/room/im/channel"
)

// groupMsg is what a message into one room and one into all have.
type groupMsg struct {
	FromAccount           string       `json:"From_Account"`
	Random                *uint32      `need:""`
	MsgBody               []im.Element `need:""`
	MsgPriority           string
	CloudCustomData       string
	ForbidCallbackControl []string
}

// sendGroupMsg says in an old name and a new one that the message is not kept.
type sendGroupMsg struct {
	groupID
	groupMsg
	OnlineOnlyFlag    int
	MsgOnlineOnlyFlag int
	ToAccount         []string `json:"To_Account"`
}

// sentMsg is what became of a message.
type sentMsg struct {
	MsgTime int64
	MsgSeq  uint64
}

func (c *call) sendGroupMsg(q *sendGroupMsg) (any, error) {
	if len(q.ToAccount) > 0 {
		// To everybody it would tell what it is to tell to few.
		return nil, c.badParameter("To_Account: a message cannot be for some of a group; use openim/batchsendmsg")
	}
	m, err := q.message()
	if err != nil {
		return nil, err
	}
	m.Room, m.OnlineOnly = q.GroupID, q.OnlineOnlyFlag == 1 || q.MsgOnlineOnlyFlag == 1
	sent, err := c.o.Channel.Send(c.ctx, c.actor, m)
	return sentMsg{sent.Time, sent.Seq}, err
}

// sendBroadcastMsg sends into every room of the app that has no list of members.
func (c *call) sendBroadcastMsg(q *groupMsg) (any, error) {
	m, err := q.message()
	if err != nil {
		return nil, err
	}
	sent, err := c.o.Channel.Broadcast(c.ctx, c.actor, m)
	return sentMsg{sent.Time, sent.Seq}, err
}

// message is what is to be sent.
func (q *groupMsg) message() (channel.Send, error) {
	priority, ok := im.ParsePriority(q.MsgPriority)
	if !ok {
		return channel.Send{}, im.ErrBadPriority
	}
	return channel.Send{
		From: q.FromAccount, Random: *q.Random, Body: q.MsgBody, Priority: priority, Cloud: q.CloudCustomData,
		NoBefore: slices.Contains(q.ForbidCallbackControl, "ForbidBeforeSendMsgCallback"),
		NoAfter:  slices.Contains(q.ForbidCallbackControl, "ForbidAfterSendMsgCallback"),
	}, nil
}

type sendGroupSystemNotification struct {
	groupID
	Content   string   `need:""`
	ToMembers []string `json:"ToMembers_Account"`
}

func (c *call) sendGroupSystemNotification(q *sendGroupSystemNotification) (any, error) {
	if len(q.ToMembers) > maxRecipients {
		return nil, c.tooMany(maxRecipients)
	}
	return nil, c.o.Channel.Notice(c.ctx, c.actor, q.GroupID, q.Content, q.ToMembers)
}
