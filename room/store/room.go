package store

import "time"

// Room is what lasts of a room.
type Room struct {
	ID           string
	Type         string // AVChatRoom, or Public, Private, ChatRoom, Community for rooms with a list of members
	Name         string
	Owner        string // an account, or empty
	Introduction string
	Notification string
	Face         string // address of its picture
	Join         string // FreeAccess, NeedPermission or DisableApply
	MaxMembers   int
	MuteAll      bool
	Status       string            // open, paused, closed or forbidden
	Fields       map[string]string // custom fields by name
	Created      time.Time
	InfoSeq      uint64 // grows with each change
	LastInfo     time.Time
}

// Member is somebody in a room that has a list of members.
type Member struct {
	Account  string
	Role     string // Owner, Admin or Member
	NameCard string
	Joined   time.Time
	Fields   map[string]string
}

// Until is until when something holds for an account in a room: a mute or a ban.
type Until struct {
	Account string
	Until   int64 // Unix seconds; math.MaxUint32: for good
}

// Field is the definition of a custom field of an app's rooms or members.
type Field struct {
	Name   string
	Member bool     // of members, not of rooms
	Types  []string // the types of room that have it
	Read   string   // who may read it at least: app, owner, admin, member, anyone
	Write  string   // who may write it at least
}

// Seat is an account's place among those who may publish into a room beside its owner.
type Seat struct {
	Account string
	State   string // requested, invited or seated
	By      string // who brought it into this state
	Since   time.Time
}
