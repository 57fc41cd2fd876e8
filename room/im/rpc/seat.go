package rpc

import (
	"context"

	"weir/room/im"
)

// aUser is an account in a room.
type aUser struct {
	Room string `json:"room"`
	User string `json:"user"`
}

type seatView struct {
	Account string `json:"user"`
	State   string `json:"state"`
	By      string `json:"by"`
	Since   int64  `json:"since"`
}

func (m *Methods) seats(ctx context.Context, s Session, in aRoom) (any, error) {
	list, err := m.o.Rooms.Seats(ctx, s.Actor(), in.Room)
	out := make([]seatView, len(list))
	for i, x := range list {
		out[i] = seatView{x.Account, x.State, x.By, x.Since.Unix()}
	}
	return map[string]any{"seats": out}, err
}

func (m *Methods) requestSeat(ctx context.Context, s Session, in aRoom) (any, error) {
	if !s.InRoom(in.Room) {
		return nil, im.ErrNotMember
	}
	return nil, m.o.Rooms.RequestSeat(ctx, s.Actor(), in.Room)
}

func (m *Methods) inviteSeat(ctx context.Context, s Session, in aUser) (any, error) {
	return nil, m.o.Rooms.InviteSeat(ctx, s.Actor(), in.Room, in.User)
}

func (m *Methods) acceptSeat(ctx context.Context, s Session, in aUser) (any, error) {
	return nil, m.o.Rooms.AcceptSeat(ctx, s.Actor(), in.Room, in.User)
}

func (m *Methods) declineSeat(ctx context.Context, s Session, in aUser) (any, error) {
	return nil, m.o.Rooms.DeclineSeat(ctx, s.Actor(), in.Room, in.User)
}

func (m *Methods) revokeSeat(ctx context.Context, s Session, in aUser) (any, error) {
	return nil, m.o.Rooms.RevokeSeat(ctx, s.Actor(), in.Room, in.User)
}

func (m *Methods) leaveSeat(ctx context.Context, s Session, in aRoom) (any, error) {
	return nil, m.o.Rooms.LeaveSeat(ctx, s.Actor(), in.Room)
}
