package rooms

import (
	"context"

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

// RequestSeat asks the hosts of a room, its owner and admins, for a seat. Who is invited takes it.
func (r *Rooms) RequestSeat(ctx context.Context, a im.Actor, id string) error { return im.ErrInternal }

// InviteSeat offers an account a seat: hosts may. Who asked for one gets it.
func (r *Rooms) InviteSeat(ctx context.Context, a im.Actor, id, user string) error {
	return im.ErrInternal
}

// AcceptSeat seats an account: a host that which asked, or the account itself, with its own name or "", that was
// invited.
func (r *Rooms) AcceptSeat(ctx context.Context, a im.Actor, id, user string) error {
	return im.ErrInternal
}

// DeclineSeat says no to a request, as a host, or to an invitation, with the own name or "".
func (r *Rooms) DeclineSeat(ctx context.Context, a im.Actor, id, user string) error {
	return im.ErrInternal
}

// RevokeSeat takes an account its seat or invitation: hosts may.
func (r *Rooms) RevokeSeat(ctx context.Context, a im.Actor, id, user string) error {
	return im.ErrInternal
}

// LeaveSeat gives a seat back, or takes back the request for one.
func (r *Rooms) LeaveSeat(ctx context.Context, a im.Actor, id string) error { return im.ErrInternal }

// Seats are the seats of a room that are taken; hosts see the requests and invitations that wait too, others their own.
func (r *Rooms) Seats(ctx context.Context, a im.Actor, id string) ([]store.Seat, error) {
	return nil, im.ErrInternal
}

// Left is told when an account is in a room no longer, on any connection: it frees its seat.
func (r *Rooms) Left(ctx context.Context, app int, id, user string) error { return im.ErrInternal }
