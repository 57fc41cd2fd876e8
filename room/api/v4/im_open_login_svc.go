package v4

import (
	"errors"

	"weir/room/im"
	"weir/room/im/people"
)

// maxAccounts is how many accounts a command of this service takes.
const maxAccounts = 100

var loginService = service{
	name: "im_open_login_svc", parameter: 70402, internal: 70500,
	as: map[int]int{
		im.ErrBadAccount.Number: 70402, im.ErrBadProfile.Number: 70402, im.ErrTooMany.Number: 70402,
	},
	commands: []command{
		{name: "account_import", perSecond: 1000, handler: on((*call).accountImport)},
		{name: "multiaccount_import", perSecond: 100, handler: on((*call).multiaccountImport)},
		{name: "account_delete", handler: on((*call).accountDelete)},
		{name: "account_check", handler: on((*call).accountCheck)},
		{name: "kick", handler: on((*call).kick)},
	},
}

type accountImport struct {
	Identifier string `need:""`
	Nick       string
	FaceURL    string `json:"FaceUrl"`
}

func (c *call) accountImport(q *accountImport) (any, error) {
	return nil, c.o.People.Import(c.ctx, c.actor.App, people.Newcomer{ID: q.Identifier, Nick: q.Nick, Face: q.FaceURL})
}

// multiaccountImport has the list in its old form, which has ids only, or in its new one.
type multiaccountImport struct {
	Accounts    []string
	AccountList []struct {
		UserID  string
		Nick    string
		FaceURL string `json:"FaceUrl"`
	}
}

func (c *call) multiaccountImport(q *multiaccountImport) (any, error) {
	list := make([]people.Newcomer, 0, len(q.Accounts)+len(q.AccountList))
	for _, id := range q.Accounts {
		list = append(list, people.Newcomer{ID: id})
	}
	for _, n := range q.AccountList {
		list = append(list, people.Newcomer{ID: n.UserID, Nick: n.Nick, Face: n.FaceURL})
	}
	switch {
	case len(list) == 0:
		return nil, c.badParameter("AccountList is missing")
	case len(list) > maxAccounts:
		return nil, c.tooMany(maxAccounts)
	}
	failed, err := c.o.People.ImportMany(c.ctx, c.actor.App, list)
	return struct{ FailAccounts []string }{orEmpty(failed)}, err
}

// userID is an account in the lists of this service.
type userID struct {
	UserID string
}

type accountDelete struct {
	DeleteItem []userID `need:""`
}

// resultItem is what became of one account of a list.
type resultItem struct {
	ResultCode    int
	ResultInfo    string
	UserID        string
	AccountStatus string `json:",omitempty"`
}

func (c *call) accountDelete(q *accountDelete) (any, error) {
	if len(q.DeleteItem) > maxAccounts {
		return nil, c.tooMany(maxAccounts)
	}
	results := make([]resultItem, 0, len(q.DeleteItem))
	for _, item := range q.DeleteItem {
		result := resultItem{UserID: item.UserID}
		err := c.o.People.Delete(c.ctx, c.actor.App, item.UserID)
		var refusal *im.Error
		switch {
		case errors.As(err, &refusal):
			refusal = c.service.refusal(err)
			result.ResultCode, result.ResultInfo = refusal.Number, refusal.Info
		case err != nil:
			return nil, err
		}
		results = append(results, result)
	}
	return struct{ ResultItem []resultItem }{results}, nil
}

type accountCheck struct {
	CheckItem []userID `need:""`
}

func (c *call) accountCheck(q *accountCheck) (any, error) {
	if len(q.CheckItem) > maxAccounts {
		return nil, c.tooMany(maxAccounts)
	}
	ids := make([]string, 0, len(q.CheckItem))
	for _, item := range q.CheckItem {
		ids = append(ids, item.UserID)
	}
	there, err := c.o.People.Check(c.ctx, c.actor.App, ids)
	if err != nil {
		return nil, err
	}
	results := make([]resultItem, 0, len(ids))
	for _, id := range ids {
		status := "NotImported"
		if there[id] {
			status = "Imported"
		}
		results = append(results, resultItem{UserID: id, AccountStatus: status})
	}
	return struct{ ResultItem []resultItem }{results}, nil
}

type kick struct {
	Identifier string `need:""`
}

func (c *call) kick(q *kick) (any, error) {
	return nil, c.o.People.Kick(c.ctx, c.actor.App, q.Identifier)
}
