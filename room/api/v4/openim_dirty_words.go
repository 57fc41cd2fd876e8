package v4

import "weir/room/im"

var wordsService = service{
	name: "openim_dirty_words", parameter: 90001, internal: 91000,
	as: map[int]int{im.ErrBadParameter.Number: 90001, im.ErrTooMany.Number: 90001},
	commands: []command{
		{name: "get", handler: on((*call).wordsGet)},
		{name: "add", handler: on((*call).wordsAdd)},
		{name: "delete", handler: on((*call).wordsDelete)},
	},
}

// nothing is a request without anything in it.
type nothing struct{}

func (c *call) wordsGet(*nothing) (any, error) {
	words, err := c.o.Words.Words(c.ctx, c.actor.App)
	return struct{ DirtyWordsList []string }{orEmpty(words)}, err
}

type dirtyWords struct {
	DirtyWordsList []string `need:""`
}

func (c *call) wordsAdd(q *dirtyWords) (any, error) {
	return nil, c.o.Words.Add(c.ctx, c.actor.App, q.DirtyWordsList)
}

func (c *call) wordsDelete(q *dirtyWords) (any, error) {
	return nil, c.o.Words.Delete(c.ctx, c.actor.App, q.DirtyWordsList)
}
