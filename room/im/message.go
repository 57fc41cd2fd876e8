package im

import (
	"encoding/json"
	"fmt"
)

// Message is one message, into a room or to one account. Once it was taken it is not changed.
type Message struct {
	App int
	// Room is the room that it is for, or To the account; one of them is set.
	Room string
	To   string
	// From is the account that sent it; empty for what the room tells by itself.
	From string
	// Nick, Avatar and Level are the sender's, as they were then.
	Nick   string
	Avatar string
	Level  uint32
	// Kind is an ordinary message, a tip or a notice.
	Kind Kind
	// Seq is the message's number in its room, or among what an account was sent; numbers grow.
	Seq uint64
	// Ref and Random are the sender's own numbers of it; Ref is of messages to accounts only.
	Ref    uint32
	Random uint32
	// Time is when it was taken, in Unix seconds.
	Time int64
	// Media is where in the room's streams it belongs, in Unix milliseconds of the capture clock; 0: nowhere.
	Media    int64
	Priority Priority
	Body     []Element
	// Cloud is CloudCustomData: what the application hangs onto a message.
	Cloud string
	// Quiet is a message that does not count as unread.
	Quiet bool
	// Broadcast is a message that went to every room of the app.
	Broadcast bool
}

// Key names a message to an account, for those who sent it: <ref>_<random>_<time>.
func (m *Message) Key() string { return fmt.Sprintf("%d_%d_%d", m.Ref, m.Random, m.Time) }

// Kind is what kind of message it is.
type Kind uint8

// The kinds.
const (
	// KindMessage is what somebody said.
	KindMessage Kind = iota
	// KindTip tells what happened to a room or its members; see Tip.
	KindTip
	// KindNotice is a system notice: custom text, or that the room or a message is gone; see Notice.
	KindNotice
	// KindEvent is what happened to the room's media; see Event.
	KindEvent
)

// Element is one part of a message's body, in the words of the wire.
type Element struct {
	Type    string          `json:"MsgType"`
	Content json.RawMessage `json:"MsgContent"`
}

// The types of elements.
const (
	ElemText     = "TIMTextElem"
	ElemCustom   = "TIMCustomElem"
	ElemImage    = "TIMImageElem"
	ElemFace     = "TIMFaceElem"
	ElemLocation = "TIMLocationElem"
	ElemSound    = "TIMSoundElem"
	ElemFile     = "TIMFileElem"
	ElemVideo    = "TIMVideoFileElem"
	ElemTip      = "TIMGroupTipElem"
	ElemNotice   = "TIMGroupSystemNoticeElem"
	ElemEvent    = "WeirRoomEventElem"
)
