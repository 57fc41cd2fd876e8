package v4

import (
	"fmt"
	"slices"

	"weir/room/im"
	"weir/room/im/people"
)

// maxRecipients is how many accounts a command of this service takes.
const maxRecipients = 500

// maxLife is how long a message is kept at most, in seconds.
const maxLife = 7 * 24 * 3600

var openimService = service{
	name: "openim", parameter: 90001, internal: 91000,
	as: map[int]int{
		im.ErrTooMany.Number: 90011, im.ErrBadParameter.Number: 90001,
		im.ErrUnknownAccount.Number: 90048, im.ErrBadAccount.Number: 90003,
	},
	commands: []command{
		{name: "sendmsg", handler: on((*call).sendmsg)},
		{name: "batchsendmsg", handler: on((*call).batchsendmsg)},
		{name: "admin_msgwithdraw", handler: on((*call).adminMsgwithdraw)},
		{name: "query_online_status", handler: on((*call).queryOnlineStatus)},
		{name: "querystate", handler: on((*call).queryOnlineStatus)}, // its old name
	},
}

// c2c is what both commands for messages to accounts have.
type c2c struct {
	SyncOtherMachine      *int         `bad:"90031"`
	FromAccount           string       `json:"From_Account" bad:"20003"`
	MsgLifeTime           *int64       `bad:"90044"`
	MsgSeq                *uint32      `bad:"90001"`
	MsgRandom             *uint32      `need:"90005"`
	MsgTimeStamp          *int64       `bad:"90006"`
	MsgBody               []im.Element `need:"90007"`
	CloudCustomData       string
	SendMsgControl        []string
	ForbidCallbackControl []string
}

type sendmsg struct {
	ToAccount string `json:"To_Account" need:"90003"`
	c2c
}

func (c *call) sendmsg(q *sendmsg) (any, error) {
	m, err := q.message()
	if err != nil {
		return nil, err
	}
	m.To = q.ToAccount
	sent, err := c.o.People.SendTo(c.ctx, c.actor, m)
	if err != nil {
		return nil, err
	}
	return struct {
		MsgTime int64
		MsgKey  string
	}{sent.Time, sent.Key}, nil
}

type batchsendmsg struct {
	ToAccount []string `json:"To_Account" need:"90003"`
	c2c
}

// failedAccount is an account of a list for which something could not be done.
type failedAccount struct {
	ToAccount string `json:"To_Account"`
	ErrorCode int
}

func (c *call) batchsendmsg(q *batchsendmsg) (any, error) {
	m, err := q.message()
	if err != nil {
		return nil, err
	}
	if len(q.ToAccount) > maxRecipients {
		return nil, c.tooMany(maxRecipients)
	}
	sent, failed, err := c.o.People.SendToMany(c.ctx, c.actor, m, q.ToAccount)
	if err != nil {
		return nil, err
	}
	list := make([]failedAccount, 0, len(failed))
	for _, f := range failed {
		list = append(list, failedAccount{f.Account, c.service.refusal(f.Err).Number})
	}
	return struct {
		MsgKey    string
		ErrorList []failedAccount
	}{sent.Key, list}, nil
}

// message is what is to be sent.
func (q *c2c) message() (people.C2C, error) {
	m := people.C2C{
		From: q.FromAccount, Random: *q.MsgRandom, Body: q.MsgBody, Cloud: q.CloudCustomData, Life: q.MsgLifeTime,
		Seq: value(q.MsgSeq), Time: value(q.MsgTimeStamp),
		NoUnread: slices.Contains(q.SendMsgControl, "NoUnread"),
		NoBefore: slices.Contains(q.ForbidCallbackControl, "ForbidBeforeSendMsgCallback"),
		NoAfter:  slices.Contains(q.ForbidCallbackControl, "ForbidAfterSendMsgCallback"),
	}
	switch {
	case q.MsgLifeTime != nil && (*q.MsgLifeTime < 0 || *q.MsgLifeTime > maxLife):
		return m, fault(90026, fmt.Sprintf("MsgLifeTime is not from 0 to %d", maxLife))
	case m.Time < 0:
		return m, fault(90006, "MsgTimeStamp is not a time")
	}
	switch value(q.SyncOtherMachine) {
	case 1:
		m.Sync = true
	case 0, 2:
		m.Sync = q.SyncOtherMachine == nil
	default:
		return m, fault(90031, "SyncOtherMachine is neither 1 nor 2")
	}
	return m, nil
}

type adminMsgwithdraw struct {
	FromAccount string `json:"From_Account" need:"20003"`
	ToAccount   string `json:"To_Account" need:"90003"`
	MsgKey      string `need:"90001"`
}

func (c *call) adminMsgwithdraw(q *adminMsgwithdraw) (any, error) {
	return nil, c.o.People.Recall(c.ctx, c.actor, people.Recall{From: q.FromAccount, To: q.ToAccount, Key: q.MsgKey})
}

type queryOnlineStatus struct {
	ToAccount    []string `json:"To_Account" need:"90003"`
	IsNeedDetail int
}

// onlineStatus is where an account is online.
type onlineStatus struct {
	ToAccount string `json:"To_Account"`
	Status    string
	Detail    []platformStatus `json:",omitempty"`
}

type platformStatus struct {
	Platform im.Platform
	Status   string
}

func (c *call) queryOnlineStatus(q *queryOnlineStatus) (any, error) {
	if len(q.ToAccount) > maxRecipients {
		return nil, c.tooMany(maxRecipients)
	}
	list, err := c.o.People.Online(c.ctx, c.actor.App, q.ToAccount)
	if err != nil {
		return nil, err
	}
	answer := struct {
		QueryResult []onlineStatus
		ErrorList   []failedAccount `json:",omitempty"`
	}{QueryResult: make([]onlineStatus, 0, len(list))}
	for _, p := range list {
		if !p.Known {
			answer.ErrorList = append(answer.ErrorList, failedAccount{p.Account, im.ErrUnknownAccount.Number})
			continue
		}
		status := onlineStatus{ToAccount: p.Account, Status: "Offline"}
		if len(p.Platforms) > 0 {
			status.Status = "Online"
		}
		if q.IsNeedDetail == 1 {
			for _, platform := range p.Platforms {
				status.Detail = append(status.Detail, platformStatus{platform, "Online"})
			}
		}
		answer.QueryResult = append(answer.QueryResult, status)
	}
	return answer, nil
}
