package rooms

import (
	"context"
	"slices"
	"sync"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// The states of a seat.
const (
	SeatRequested = "requested"
	SeatInvited   = "invited"
	SeatTaken     = "seated"
)

// What else a tip tells of a seat: why there is none any more.
const (
	SeatDeclined = "declined"
	SeatRevoked  = "revoked"
	SeatLeft     = "left"
	SeatExpired  = "expired"
)

// maxSeatsAsked is how many requests and invitations of a room wait for an answer.
const maxSeatsAsked = 100

// errNoSeat: nothing is there to answer or to take.
var errNoSeat = im.ErrBadParameter.With("the account neither has a seat nor waits for one")

// RequestSeat asks the hosts of a room, its owner and admins, for a seat. Who is invited takes it.
func (r *Rooms) RequestSeat(ctx context.Context, a im.Actor, id string) error {
	f, err := r.seatFor(ctx, a, id, a.User)
	if err != nil || f.Role(a) >= Admin { // who publishes anyway
		return err
	}
	return r.seat(ctx, a.App, id, func(s *seating) error {
		switch s.state(a.User) {
		case "":
			return s.ask(a.User, SeatRequested, a.User)
		case SeatInvited:
			return s.take(a.User, a.User)
		default:
			return nil
		}
	})
}

// InviteSeat offers an account a seat: hosts may. Who asked for one gets it.
func (r *Rooms) InviteSeat(ctx context.Context, a im.Actor, id, user string) error {
	f, err := r.host(ctx, a, id)
	if err != nil {
		return err
	}
	if _, err := r.seatFor(ctx, im.Actor{App: a.App, User: user}, id, user); err != nil {
		return err
	}
	there, err := r.exist(ctx, a.App, []string{user})
	if err != nil {
		return err
	}
	if _, ok := there[user]; !ok {
		return im.ErrNoAccount
	}
	if role, _ := f.Member(user); role >= Admin {
		return nil
	}
	return r.seat(ctx, a.App, id, func(s *seating) error {
		switch s.state(user) {
		case "":
			return s.ask(user, SeatInvited, a.User)
		case SeatRequested:
			return s.take(user, a.User)
		default:
			return nil
		}
	})
}

// AcceptSeat seats an account: a host that which asked, or the account itself, with its own name or "", that was
// invited. It is im.ErrRoomFull when all seats are taken.
func (r *Rooms) AcceptSeat(ctx context.Context, a im.Actor, id, user string) error {
	waits, user, err := r.answer(ctx, a, id, user)
	if err != nil {
		return err
	}
	if _, err := r.seatFor(ctx, im.Actor{App: a.App, User: user}, id, user); err != nil {
		return err
	}
	return r.seat(ctx, a.App, id, func(s *seating) error {
		switch s.state(user) {
		case waits:
			return s.take(user, a.User)
		case SeatTaken:
			return nil
		default:
			return errNoSeat
		}
	})
}

// DeclineSeat says no to a request, as a host, or to an invitation, with the own name or "".
func (r *Rooms) DeclineSeat(ctx context.Context, a im.Actor, id, user string) error {
	waits, user, err := r.answer(ctx, a, id, user)
	if err != nil {
		return err
	}
	return r.seat(ctx, a.App, id, func(s *seating) error {
		if s.state(user) != waits {
			return errNoSeat
		}
		s.end(user, a.User, SeatDeclined)
		return nil
	})
}

// RevokeSeat takes an account its seat, or the invitation to one, or its request: hosts may. What the account publishes
// ends.
func (r *Rooms) RevokeSeat(ctx context.Context, a im.Actor, id, user string) error {
	if _, err := r.host(ctx, a, id); err != nil {
		return err
	}
	return r.seat(ctx, a.App, id, func(s *seating) error {
		if s.state(user) == "" {
			return errNoSeat
		}
		s.end(user, a.User, SeatRevoked)
		return nil
	})
}

// LeaveSeat gives a seat back, or takes back the request for one.
func (r *Rooms) LeaveSeat(ctx context.Context, a im.Actor, id string) error {
	if a.Anonymous() {
		return im.ErrNotLoggedIn
	}
	return r.seat(ctx, a.App, id, func(s *seating) error {
		if s.state(a.User) == "" {
			return errNoSeat
		}
		s.end(a.User, a.User, SeatLeft)
		return nil
	})
}

// Left is told when an account is in a room no longer, on any connection: it frees its seat.
func (r *Rooms) Left(ctx context.Context, app int, id, user string) error {
	f, err := r.Get(ctx, app, id)
	if err != nil || !slices.ContainsFunc(f.seats, func(s store.Seat) bool { return s.Account == user }) {
		return err
	}
	return r.seat(ctx, app, id, func(s *seating) error {
		if s.state(user) != "" {
			s.end(user, user, SeatLeft)
		}
		return nil
	})
}

// Seats are the seats of a room that are taken; hosts see the requests and invitations that wait too, others their own.
func (r *Rooms) Seats(ctx context.Context, a im.Actor, id string) ([]store.Seat, error) {
	f, err := r.readable(ctx, a, id)
	if err != nil {
		return nil, err
	}
	now := r.o.Now()
	var seats []store.Seat
	for _, s := range f.seats {
		shown := s.State == SeatTaken || f.Role(a) >= Admin || s.Account == a.User
		if shown && !r.waitedOut(s, now) {
			seats = append(seats, s)
		}
	}
	return seats, nil
}

// host gives the facts of a room whose host the actor is.
func (r *Rooms) host(ctx context.Context, a im.Actor, id string) (*Facts, error) {
	return r.allowed(ctx, a, id, Admin)
}

// answer tells what an answer is to: a host's to another's request, anybody's to an invitation of the own.
func (r *Rooms) answer(ctx context.Context, a im.Actor, id, user string) (waits, who string, err error) {
	if user != "" && user != a.User {
		_, err := r.host(ctx, a, id)
		return SeatRequested, user, err
	}
	if a.Anonymous() {
		return "", "", im.ErrNotLoggedIn
	}
	return SeatInvited, a.User, nil
}

// seatFor tells whether an account may have a seat: it may be in the room, where somebody may publish.
func (r *Rooms) seatFor(ctx context.Context, a im.Actor, id, user string) (*Facts, error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return nil, err
	}
	_, member := f.Member(user)
	switch {
	case user == "":
		return nil, im.ErrNotLoggedIn
	case f.Banned(user, r.o.Now()):
		return nil, im.ErrBanned
	case !member && !a.Admin:
		return nil, im.ErrNotMember
	case f.ended():
		return nil, im.ErrRoomClosed
	default:
		return f, nil
	}
}

// waitedOut tells whether a request or an invitation waited too long.
func (r *Rooms) waitedOut(s store.Seat, now time.Time) bool {
	return s.State != SeatTaken && !now.Before(s.Since.Add(r.o.SeatWait))
}

// seating is the seats of a room while they are changed, and what is to be told.
type seating struct {
	seats []store.Seat
	now   time.Time
	most  int
	news  []seatNews
}

// seatNews is that a seat became something; of one that is no more, was is what it had been.
type seatNews struct {
	store.Seat
	operator string
	was      string
}

// state is what an account's seat is in; "": it has none.
func (s *seating) state(user string) string {
	if i := s.find(user); i >= 0 {
		return s.seats[i].State
	}
	return ""
}

func (s *seating) find(user string) int {
	return slices.IndexFunc(s.seats, func(seat store.Seat) bool { return seat.Account == user })
}

// ask has an account wait for an answer.
func (s *seating) ask(user, state, by string) error {
	if s.count(false) >= maxSeatsAsked {
		return im.ErrTooMany.With("too many wait for a seat")
	}
	s.put(store.Seat{Account: user, State: state, By: by, Since: s.now})
	return nil
}

// take seats an account.
func (s *seating) take(user, by string) error {
	if s.count(true) >= s.most {
		return im.ErrRoomFull.With("all seats are taken")
	}
	s.put(store.Seat{Account: user, State: SeatTaken, By: by, Since: s.now})
	return nil
}

func (s *seating) count(taken bool) (n int) {
	for i := range s.seats {
		if (s.seats[i].State == SeatTaken) == taken {
			n++
		}
	}
	return n
}

func (s *seating) put(seat store.Seat) {
	if i := s.find(seat.Account); i >= 0 {
		s.seats[i] = seat
	} else {
		s.seats = append(s.seats, seat)
	}
	s.news = append(s.news, seatNews{Seat: seat, operator: seat.By})
}

// end takes a seat away.
func (s *seating) end(user, operator, how string) {
	i := s.find(user)
	seat := s.seats[i]
	was := seat.State
	seat.State = how
	s.seats = slices.Delete(s.seats, i, i+1)
	s.news = append(s.news, seatNews{seat, operator, was})
}

// seat changes the seats of a room in one transaction, and tells. Those who waited too long go first.
func (r *Rooms) seat(ctx context.Context, app int, id string, change func(*seating) error) error {
	var s seating
	err := r.o.Store.ModifySeats(ctx, app, id, func(seats []store.Seat) ([]store.Seat, error) {
		s = seating{seats: seats, now: r.now(), most: r.o.Seats}
		for _, seat := range slices.Clone(seats) {
			if r.waitedOut(seat, s.now) {
				s.end(seat.Account, "", SeatExpired)
			}
		}
		err := change(&s)
		return s.seats, err
	})
	if err != nil {
		return failed("change the seats", err)
	}
	if len(s.news) == 0 {
		return nil
	}
	word := changed{App: app, Room: id}
	for _, news := range s.news {
		if news.was == SeatTaken {
			word.Lost = append(word.Lost, news.Account)
		}
		r.waiting.note(key{app, id}, news.Seat, r.o.SeatWait)
	}
	r.announce(word)
	return r.tellSeats(ctx, app, id, s.news)
}

// tellSeats tells everybody of seats that are or were taken, and of what waits or waited those whom it concerns.
func (r *Rooms) tellSeats(ctx context.Context, app int, id string, news []seatNews) error {
	f, err := r.Get(ctx, app, id)
	if err != nil {
		return err
	}
	for _, n := range news {
		t := im.Tip{
			Op: im.TipSeat, Operator: n.operator, Users: []string{n.Account}, Seat: n.State,
			Members: r.names(ctx, app, []string{n.Account}),
		}
		if n.State == SeatTaken || n.was == SeatTaken {
			r.teller.Tip(app, id, t)
			continue
		}
		// The operator knows already.
		concerned := slices.DeleteFunc(append(f.hosts(), n.Account, n.By), func(user string) bool {
			return user == "" || user == n.operator
		})
		slices.Sort(concerned)
		if concerned = slices.Compact(concerned); len(concerned) > 0 {
			r.teller.TipTo(app, id, concerned, t)
		}
	}
	return nil
}

// waiting is which seats of this node wait for an answer. What another process asked, before a restart, is not told when
// its time is over, but counts as little.
type waiting struct {
	mu   sync.Mutex // guards ends
	ends map[seatOf]time.Time
}

type seatOf struct {
	room key
	user string
}

func (w *waiting) note(room key, s store.Seat, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.State != SeatRequested && s.State != SeatInvited {
		delete(w.ends, seatOf{room, s.Account})
		return
	}
	if w.ends == nil {
		w.ends = make(map[seatOf]time.Time)
	}
	w.ends[seatOf{room, s.Account}] = s.Since.Add(wait)
}

// over takes the rooms in which somebody waited too long.
func (w *waiting) over(now time.Time) []key {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rooms []key
	for seat, end := range w.ends {
		if now.Before(end) {
			continue
		}
		delete(w.ends, seat)
		if !slices.Contains(rooms, seat.room) {
			rooms = append(rooms, seat.room)
		}
	}
	return rooms
}

// expireSeats ends what nobody answered.
func (r *Rooms) expireSeats(ctx context.Context) {
	for _, room := range r.waiting.over(r.o.Now()) {
		err := r.seat(ctx, room.app, room.id, func(*seating) error { return nil })
		if err != nil && ctx.Err() == nil {
			r.o.Log.Info("cannot end what waits for a seat", "app", room.app, "room", room.id, "err", err)
		}
	}
}
