package rooms

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// maxNewMembers is how many accounts may become members by one request.
const maxNewMembers = 300

// NewRoom is what a room shall be.
type NewRoom struct {
	ID           string // empty: one is made
	Type         string // one of the types above
	Name         string
	Owner        string // an account; empty: whoever asks, or nobody where that is an administrator of the app
	Introduction string
	Notification string
	Face         string
	Join         string // empty: FreeAccess
	MaxMembers   int    // 0: as many as the type has
	Fields       []im.FieldPair
	Members      []NewMember
}

// NewMember is who shall be a member.
type NewMember struct {
	Account string
	Role    string // Admin or Member; empty: Member
	Fields  []im.FieldPair
}

// Create makes a room. The refusals are those of the wire: im.ErrBadRoomID for an id that no room may have (also one
// that media cannot have, see auth.CheckRoom), im.ErrRoomTaken, im.ErrRoomYours, im.ErrNoAccount for an owner or a
// member who does not exist, im.ErrNoPermission for members of a room that has no list.
func (r *Rooms) Create(ctx context.Context, a im.Actor, n NewRoom) (store.Room, error) {
	room, members, err := r.plan(ctx, a, n)
	if err != nil {
		return store.Room{}, err
	}
	if room.ID != "" {
		if err := r.taken(ctx, a.App, room); err != nil {
			return store.Room{}, err
		}
	}
	owned, err := r.mayCreate(ctx, a, room, members)
	if err != nil {
		return store.Room{}, err
	}
	if err := r.write(ctx, a.App, &room, members); err != nil {
		return store.Room{}, err
	}
	r.announce(changed{App: a.App, Room: room.ID})
	if len(members) > 0 {
		r.teller.Came(a.App, room.ID, accountsOf(members))
	}
	r.tellCreated(a, room, members, owned)
	return room, nil
}

// plan checks everything that needs nobody's consent.
func (r *Rooms) plan(ctx context.Context, a im.Actor, n NewRoom) (store.Room, []store.Member, error) {
	owner, err := ownerOf(a, n)
	if err != nil {
		return store.Room{}, nil, err
	}
	if err := checkNew(n); err != nil {
		return store.Room{}, nil, err
	}
	if err := r.clean(ctx, a.App, roomTexts(&n.Name, &n.Introduction, &n.Notification, &n.Face)...); err != nil {
		return store.Room{}, nil, err
	}
	room := store.Room{
		ID: n.ID, Type: n.Type, Name: n.Name, Owner: owner, Introduction: n.Introduction, Notification: n.Notification,
		Face: n.Face, Join: cmp.Or(n.Join, FreeAccess), Status: Open, Created: r.now(),
	}
	room.LastInfo = room.Created
	if room.MaxMembers, err = roomFor(n.Type, n.MaxMembers); err != nil {
		return store.Room{}, nil, err
	}
	role := Owner // whoever makes a room stands where its owner does
	if a.Admin {
		role = App
	}
	if err := r.mayWrite(ctx, a.App, ofRooms(n.Type), role, n.Fields); err != nil {
		return store.Room{}, nil, err
	}
	room.Fields, _ = setFields(nil, n.Fields)
	members, err := r.planMembers(ctx, a.App, room, role, n.Members)
	return room, members, err
}

// ownerOf is whose room it will be. Only administrators make rooms for others.
func ownerOf(a im.Actor, n NewRoom) (string, error) {
	switch {
	case a.Admin:
		return n.Owner, nil
	case a.Anonymous():
		return "", im.ErrNotLoggedIn
	case n.Owner != "" && n.Owner != a.User:
		return "", im.ErrNoPermission.With("only administrators make rooms for others")
	default:
		return a.User, nil
	}
}

// checkNew refuses what cannot be a room.
func checkNew(n NewRoom) error {
	if err := checkType(n.Type); err != nil {
		return err
	}
	if n.ID != "" {
		if err := checkID(n.ID); err != nil {
			return err
		}
	}
	switch {
	case n.Name == "":
		return im.ErrBadParameter.With("a room has a name")
	case len(n.Members) > 0 && !listed(n.Type):
		return im.ErrNoPermission.With("a room of this type has no list of members")
	case len(n.Members) > maxNewMembers:
		return im.ErrTooMany
	case n.Join != "":
		return checkJoin(n.Join)
	default:
		return nil
	}
}

// planMembers are the first members of a room that has a list, its owner among them. All have to exist, and the owner
// of a room without a list too.
func (r *Rooms) planMembers(ctx context.Context, app int, room store.Room, role Role, list []NewMember) ([]store.Member, error) {
	planned := make(map[string]store.Member, len(list)+1)
	for _, m := range list {
		if m.Role != "" && m.Role != roleAdmin && m.Role != roleMember {
			return nil, im.ErrBadParameter.With("a member's role is Admin or Member")
		}
		if err := r.mayWrite(ctx, app, ofMembers(room.Type), role, m.Fields); err != nil {
			return nil, err
		}
		fields, _ := setFields(nil, m.Fields)
		planned[m.Account] = store.Member{
			Account: m.Account, Role: cmp.Or(m.Role, roleMember), Joined: room.Created, Fields: fields,
		}
	}
	if room.Owner != "" {
		owner := planned[room.Owner]
		owner.Account, owner.Role, owner.Joined = room.Owner, roleOwner, room.Created
		planned[room.Owner] = owner
	}
	accounts := slices.Sorted(maps.Keys(planned))
	there, err := r.exist(ctx, app, accounts)
	if err != nil {
		return nil, err
	}
	if len(there) < len(accounts) {
		return nil, im.ErrNoAccount
	}
	if !listed(room.Type) {
		return nil, nil
	}
	if len(planned) > room.MaxMembers {
		return nil, im.ErrRoomFull
	}
	members := make([]store.Member, 0, len(planned))
	for _, account := range accounts {
		members = append(members, planned[account])
	}
	return members, nil
}

// exist are those of the accounts that exist.
func (r *Rooms) exist(ctx context.Context, app int, accounts []string) (map[string]store.Account, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	there, err := r.o.People.Accounts(ctx, app, accounts)
	if err != nil {
		return nil, failed("look accounts up", err)
	}
	return there, nil
}

// taken refuses an id that a room has: the asker's own can be used, and says so.
func (r *Rooms) taken(ctx context.Context, app int, room store.Room) error {
	f, err := r.Get(ctx, app, room.ID)
	switch {
	case errors.Is(err, im.ErrNoRoom):
		return nil
	case err != nil:
		return err
	case f.Owner != "" && f.Owner == room.Owner:
		return im.ErrRoomYours
	default:
		return im.ErrRoomTaken
	}
}

// mayCreate asks the app's receiver, and gives how many rooms of this type the owner has. Without one that decides a user
// could fill the store.
func (r *Rooms) mayCreate(ctx context.Context, a im.Actor, room store.Room, members []store.Member) (owned int, err error) {
	asks, tells := r.o.Hooks.Wants(a.App, hook.GroupBeforeCreate), r.o.Hooks.Wants(a.App, hook.GroupAfterCreate)
	if (asks || tells || !a.Admin) && room.Owner != "" {
		if owned, err = r.o.Store.RoomsOwned(ctx, a.App, room.Owner, room.Type); err != nil {
			return 0, failed("count the owner's rooms", err)
		}
	}
	if !a.Admin && owned >= r.o.Owned {
		return 0, im.ErrTooManyRooms
	}
	if !asks {
		return owned, nil
	}
	return owned, r.o.Hooks.Ask(ctx, hook.Call{App: a.App, Command: hook.GroupBeforeCreate, Actor: a, Body: hook.GroupCreation{
		Operator: a.User, Owner: room.Owner, Type: room.Type, Name: room.Name, Owned: owned, Members: accountsOf(members),
	}}).Err(im.ErrDenied)
}

// write puts the room into the store, under a new id where it has none.
func (r *Rooms) write(ctx context.Context, app int, room *store.Room, members []store.Member) error {
	given := room.ID != ""
	if !given {
		room.ID = makeID()
	}
	err := r.o.Store.CreateRoom(ctx, app, *room, members)
	if given && errors.Is(err, store.ErrExists) { // since it was looked for
		r.facts.drop(key{app, room.ID})
		if err := r.taken(ctx, app, *room); err != nil {
			return err
		}
	}
	if err != nil {
		return failed("create the room", err)
	}
	return nil
}

func (r *Rooms) tellCreated(a im.Actor, room store.Room, members []store.Member, owned int) {
	if !r.o.Hooks.Wants(a.App, hook.GroupAfterCreate) {
		return
	}
	fields := make([]hook.Field, 0, len(room.Fields))
	for _, name := range slices.Sorted(maps.Keys(room.Fields)) {
		fields = append(fields, hook.Field{Key: name, Value: room.Fields[name]})
	}
	r.o.Hooks.Tell(hook.Call{App: a.App, Command: hook.GroupAfterCreate, Actor: a, Body: hook.GroupCreated{
		Room: room.ID, Operator: a.User, Owner: room.Owner, Type: room.Type, Name: room.Name, Owned: owned,
		Members: accountsOf(members), Fields: fields,
	}})
}

func accountsOf(members []store.Member) hook.Members {
	accounts := make(hook.Members, 0, len(members))
	for _, m := range members {
		accounts = append(accounts, m.Account)
	}
	return accounts
}
