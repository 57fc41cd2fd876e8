package v4

import (
	"encoding/json"

	"weir/room/im"
	"weir/room/im/people"
)

var profileService = service{
	name: "profile", parameter: 40001, internal: 40006, display: true,
	as: map[int]int{im.ErrUnknownAccount.Number: 40003, im.ErrTooMany.Number: 40001},
	commands: []command{
		{name: "portrait_set", handler: on((*call).portraitSet)},
		{name: "portrait_get", handler: on((*call).portraitGet)},
	},
}

// profileItem is an item of a profile; its value is a text or a number, as the tag has it.
type profileItem struct {
	Tag   string
	Value json.RawMessage
}

type portraitSet struct {
	FromAccount string        `json:"From_Account" need:""`
	ProfileItem []profileItem `need:""`
}

func (c *call) portraitSet(q *portraitSet) (any, error) {
	items := make([]people.Item, 0, len(q.ProfileItem))
	for _, item := range q.ProfileItem {
		value, ok := plain(item.Value)
		if !ok {
			return nil, c.badParameter("Value of %.40q is neither a text nor a number", item.Tag)
		}
		items = append(items, people.Item{Tag: item.Tag, Value: value})
	}
	return nil, c.o.People.SetProfile(c.ctx, c.actor, q.FromAccount, items)
}

// plain is a text in JSON, or a number as it is written.
func plain(raw json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil && len(raw) > 0 && raw[0] == '"' {
		return text, true
	}
	return string(raw), isJSONNumber(string(raw))
}

type portraitGet struct {
	ToAccount []string `json:"To_Account" need:""`
	TagList   []string
}

// userProfile is the profile of one account, or why there is none.
type userProfile struct {
	ToAccount   string `json:"To_Account"`
	ProfileItem []profileItem
	ResultCode  int
	ResultInfo  string
}

func (c *call) portraitGet(q *portraitGet) (any, error) {
	if len(q.ToAccount) > maxAccounts {
		return nil, c.tooMany(maxAccounts)
	}
	list, err := c.o.People.Profiles(c.ctx, c.actor.App, q.ToAccount, q.TagList)
	if err != nil {
		return nil, err
	}
	answer := struct {
		UserProfileItem []userProfile
		FailAccount     []string `json:"Fail_Account,omitempty"`
	}{UserProfileItem: make([]userProfile, 0, len(list))}
	for _, p := range list {
		profile := userProfile{ToAccount: p.Account, ProfileItem: make([]profileItem, 0, len(p.Items))}
		if !p.Known {
			refusal := c.service.refusal(im.ErrUnknownAccount)
			profile.ResultCode, profile.ResultInfo = refusal.Number, refusal.Info
			answer.FailAccount = append(answer.FailAccount, p.Account)
		}
		for _, item := range p.Items {
			profile.ProfileItem = append(profile.ProfileItem, profileItem{item.Tag, asValue(item)})
		}
		answer.UserProfileItem = append(answer.UserProfileItem, profile)
	}
	return answer, nil
}

// asValue is an item's value as its tag has it.
func asValue(item people.Item) json.RawMessage {
	if im.IsNumber(item.Tag) && isJSONNumber(item.Value) {
		return json.RawMessage(item.Value)
	}
	text, err := json.Marshal(item.Value)
	if err != nil {
		panic(err) // a string always marshals
	}
	return text
}
