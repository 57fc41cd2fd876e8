package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/room/im"
	"weir/room/store"
)

const (
	maxText     = 500 // bytes of nick, image, signature and custom items
	maxLocation = 16
	maxLetters  = 8 // of a custom tag
	maxCustom   = 20
	maxItems    = 50 // of one request
)

// Item is an item of a profile. Numbers are in decimal; see im.IsNumber.
type Item struct {
	Tag   string
	Value string
}

// Profile is what is known of an account: the asked items that it has.
type Profile struct {
	Account string
	Known   bool // false: there is no such account
	Items   []Item
}

// tag is what one item of a profile may be.
type tag struct {
	fits func(value string) bool
	want string
	// given is an item that administrators give: what an account is, not what it says of itself.
	given bool
	// shown is a text that others read.
	shown bool
}

// tags are the items that there are, but for custom ones.
var tags = map[string]tag{
	im.TagNick:          {fits: upTo(maxText), want: "at most 500 bytes", shown: true},
	im.TagImage:         {fits: upTo(maxText), want: "at most 500 bytes"},
	im.TagSelfSignature: {fits: upTo(maxText), want: "at most 500 bytes", shown: true},
	im.TagLocation:      {fits: upTo(maxLocation), want: "at most 16 bytes"},
	im.TagGender:        oneOf("Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"),
	im.TagAllow:         oneOf("AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"),
	im.TagBirthDay:      {fits: isUint32, want: "a number"},
	im.TagLanguage:      {fits: isUint32, want: "a number"},
	im.TagMsgSettings:   {fits: isUint32, want: "a number"},
	im.TagAdminForbid:   given(oneOf("AdminForbid_Type_None", "AdminForbid_Type_SendOut")),
	im.TagLevel:         given(tag{fits: isUint32, want: "a number"}),
	im.TagRole:          given(tag{fits: isUint32, want: "a number"}),
}

func given(t tag) tag { t.given = true; return t }

func oneOf(values ...string) tag {
	return tag{fits: func(v string) bool { return slices.Contains(values, v) }, want: "one of " + strings.Join(values, ", ")}
}

func upTo(limit int) func(string) bool {
	return func(v string) bool { return len(v) <= limit && utf8.ValidString(v) && !strings.ContainsRune(v, 0) }
}

func isUint32(v string) bool {
	_, err := strconv.ParseUint(v, 10, 32)
	return err == nil
}

// tagOf is what an item may be; custom items are texts.
func tagOf(name string) (tag, bool) {
	if t, ok := tags[name]; ok {
		return t, true
	}
	letters, custom := strings.CutPrefix(name, im.TagCustom)
	if !custom || letters == "" || len(letters) > maxLetters {
		return tag{}, false
	}
	for _, c := range letters {
		if c|0x20 < 'a' || 'z' < c|0x20 {
			return tag{}, false
		}
	}
	return tag{fits: upTo(maxText), want: "at most 500 bytes", shown: true}, true
}

// checkItem refuses an item that no profile may have.
func checkItem(item Item) error {
	t, ok := tagOf(item.Tag)
	if !ok {
		return im.ErrBadProfile.With("%.40q is no tag of a profile", item.Tag)
	}
	if !t.fits(item.Value) {
		return im.ErrBadProfile.With("%s is %s", item.Tag, t.want)
	}
	return nil
}

// SetProfile sets items of a profile. An account may set its own, but for those that say what it is: level, role and
// whether it may be befriended. Administrators may set everybody's. im.ErrUnknownAccount: there is no such account.
func (p *People) SetProfile(ctx context.Context, actor im.Actor, account string, items []Item) error {
	if len(items) == 0 || len(items) > maxItems {
		return im.ErrBadProfile.With("1 to %d items can be set at once", maxItems)
	}
	if !actor.Admin && actor.User != account {
		return im.ErrNoPermission
	}
	have, err := p.Account(ctx, actor.App, account)
	if err != nil {
		return err
	}
	profile := make(map[string]string, len(items))
	for _, item := range items {
		if profile[item.Tag], err = p.item(ctx, actor, item); err != nil {
			return err
		}
	}
	if custom(have.Profile, profile) > maxCustom {
		return im.ErrBadProfile.With("a profile has at most %d custom items", maxCustom)
	}
	if _, err := p.o.Store.PutAccount(ctx, actor.App, account, profile); err != nil {
		return fmt.Errorf("cannot set a profile: %w", err)
	}
	p.change(key{actor.App, account})
	return nil
}

// item is the value of an item as the actor may set it.
func (p *People) item(ctx context.Context, actor im.Actor, item Item) (string, error) {
	if err := checkItem(item); err != nil {
		return "", err
	}
	t, _ := tagOf(item.Tag)
	if actor.Admin {
		return item.Value, nil
	}
	if t.given {
		return "", im.ErrNoPermission.With("only administrators set %s", item.Tag)
	}
	if !t.shown {
		return item.Value, nil
	}
	value, err := p.o.Filter.Text(ctx, actor.App, item.Value)
	if errors.Is(err, im.ErrSensitive) {
		return "", im.ErrSensitiveProfile
	}
	return value, err
}

// custom counts the custom items of two profiles together.
func custom(profiles ...map[string]string) int {
	seen := make(map[string]bool)
	for _, profile := range profiles {
		for name := range profile {
			if strings.HasPrefix(name, im.TagCustom) {
				seen[name] = true
			}
		}
	}
	return len(seen)
}

// Profiles are profiles of up to 100 accounts, in their order, with the items of these tags; no tags: all items.
func (p *People) Profiles(ctx context.Context, app int, ids, tags []string) ([]Profile, error) {
	if len(ids) > maxMany || len(tags) > maxItems {
		return nil, im.ErrTooMany
	}
	there, err := p.accounts(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	list := make([]Profile, 0, len(ids))
	for _, id := range ids {
		account, known := there[id]
		list = append(list, Profile{Account: id, Known: known, Items: itemsOf(account, tags)})
	}
	return list, nil
}

// itemsOf are the items of an account, in the order of tags, or of their names where no tags are given.
func itemsOf(account store.Account, tags []string) (items []Item) {
	for name, value := range account.Profile {
		if len(tags) == 0 || slices.Contains(tags, name) {
			items = append(items, Item{name, value})
		}
	}
	slices.SortFunc(items, func(x, y Item) int {
		if at := slices.Index(tags, x.Tag) - slices.Index(tags, y.Tag); at != 0 {
			return at
		}
		return strings.Compare(x.Tag, y.Tag)
	})
	return items
}
