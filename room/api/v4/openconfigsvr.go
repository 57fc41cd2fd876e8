package v4

import "weir/room/im"

var configService = service{
	name: "openconfigsvr", parameter: 70402, internal: 70500,
	as: map[int]int{im.ErrBadAccount.Number: 70402, im.ErrBadParameter.Number: 70402},
	commands: []command{
		{name: "setnospeaking", handler: on((*call).setNoSpeaking)},
		{name: "getnospeaking", handler: on((*call).getNoSpeaking)},
	},
}

// setNoSpeaking says for how many seconds an account may not write; 4294967295 is for good.
type setNoSpeaking struct {
	SetAccount             string `json:"Set_Account" need:""`
	C2CmsgNospeakingTime   *uint32
	GroupmsgNospeakingTime *uint32
}

func (c *call) setNoSpeaking(q *setNoSpeaking) (any, error) {
	if q.C2CmsgNospeakingTime == nil && q.GroupmsgNospeakingTime == nil {
		return nil, c.badParameter("C2CmsgNospeakingTime and GroupmsgNospeakingTime are missing")
	}
	return nil, c.o.People.Silence(c.ctx, c.actor.App, q.SetAccount, q.C2CmsgNospeakingTime, q.GroupmsgNospeakingTime)
}

type getNoSpeaking struct {
	GetAccount string `json:"Get_Account" need:""`
}

func (c *call) getNoSpeaking(q *getNoSpeaking) (any, error) {
	c2c, rooms, err := c.o.People.Silences(c.ctx, c.actor.App, q.GetAccount)
	return struct {
		C2CmsgNospeakingTime   uint32
		GroupmsgNospeakingTime uint32
	}{c2c, rooms}, err
}
