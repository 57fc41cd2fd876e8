package manage

import "context"

// wordKeeper keeps the words that an app's rooms may not say; *filter.Filter does.
type wordKeeper interface {
	Words(ctx context.Context, app int) ([]string, error)
	Add(ctx context.Context, app int, words []string) error
	Delete(ctx context.Context, app int, words []string) error
}

// wordsJSON are words.
type wordsJSON struct {
	Words []string `json:"words"`
}

// ListWords answers GET /api/v1/words: the app's own, beside those that nobody may say.
func ListWords(m *Manage, r *Request) (any, error) {
	list, err := m.o.Words.Words(r.Context(), r.actor.App)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []string{}
	}
	return wordsJSON{list}, nil
}

// AddWords answers POST /api/v1/words.
func AddWords(m *Manage, r *Request) (any, error) { return r.changeWords(m.o.Words.Add) }

// DeleteWords answers DELETE /api/v1/words.
func DeleteWords(m *Manage, r *Request) (any, error) { return r.changeWords(m.o.Words.Delete) }

func (r *Request) changeWords(change func(context.Context, int, []string) error) (any, error) {
	var asked wordsJSON
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	if len(asked.Words) == 0 {
		return nil, bad("words must have one at least")
	}
	return nil, change(r.Context(), r.actor.App, asked.Words)
}
