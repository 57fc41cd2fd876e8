package im

// TipOp is what happened to a room or to its members, by the numbers that clients know.
type TipOp int

// What happens.
const (
	TipJoin    TipOp = 1
	TipQuit    TipOp = 2
	TipKicked  TipOp = 3
	TipProfile TipOp = 6  // the room's name, announcement, status, fields …
	TipMember  TipOp = 7  // muted or not, a member's name card
	TipBanned  TipOp = 10 // and put out
	TipUnban   TipOp = 11
	TipSeat    TipOp = 101 // somebody asks for a seat, is invited, takes it or leaves it
	TipCounter TipOp = 102 // counters changed: likes, for one
	TipAttr    TipOp = 103 // attributes changed
)

// Tip tells members what happened. It is the content of an ElemTip.
type Tip struct {
	Op       TipOp    `json:"OpType"`
	Operator string   `json:"Operator_Account,omitempty"`
	Users    []string `json:"List_Account,omitempty"`
	// Members are nick and avatar of Users, as far as they are known.
	Members []TipMemberInfo `json:"MsgMemberExtraInfo,omitempty"`
	// Count is how many are in the room.
	Count int `json:"MemberNum,omitempty"`
	// Changed is what of the room changed, of TipProfile; only what did.
	Changed *RoomChange `json:"MsgGroupNewInfo,omitempty"`
	// Muted is until when each of Users is muted, of TipMember, in Unix seconds; 0: no longer.
	Muted *int64 `json:"ShutupTime,omitempty"`
	// Seat is the seat's state, of TipSeat.
	Seat string `json:"Seat,omitempty"`
	// Counters and Attributes are the new values of those that changed.
	Counters   map[string]int64   `json:"Counters,omitempty"`
	Attributes map[string]*string `json:"Attributes,omitempty"` // null: deleted
}

// TipMemberInfo is how a tip shows an account.
type TipMemberInfo struct {
	Account string `json:"UserId"`
	Nick    string `json:"NickName,omitempty"`
	Avatar  string `json:"Avatar,omitempty"`
}

// RoomChange is what of a room's facts changed.
type RoomChange struct {
	Name         *string     `json:"Name,omitempty"`
	Introduction *string     `json:"Introduction,omitempty"`
	Notification *string     `json:"Notification,omitempty"`
	Face         *string     `json:"FaceUrl,omitempty"`
	Owner        *string     `json:"Owner_Account,omitempty"`
	MuteAll      *string     `json:"MuteAllMember,omitempty"` // On or Off
	Status       *string     `json:"Status,omitempty"`        // open, paused, closed, forbidden
	Fields       []FieldPair `json:"MsgAppDefinedData,omitempty"`
}

// FieldPair is a custom field and its value; empty when it was deleted.
type FieldPair struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// Notice is a system notice. It is the content of an ElemNotice.
type Notice struct {
	Op NoticeOp `json:"OpType"`
	// Key is which message is gone, of NoticeRecalled.
	Key  string `json:"MsgKey,omitempty"`
	Text string `json:"UserDefinedField,omitempty"`
}

// NoticeOp is what a system notice is about, by the numbers that clients know.
type NoticeOp int

// What notices are about.
const (
	NoticeKicked    NoticeOp = 4
	NoticeDismissed NoticeOp = 5
	NoticeRecalled  NoticeOp = 101 // the sender took a message back
	NoticeCustom    NoticeOp = 255
)

// Event is what happened to a room's media. It is the content of an ElemEvent.
type Event struct {
	Type   string `json:"Type"` // stream.live, stream.interrupted, stream.ended, stream.viewers
	Stream string `json:"Stream"`
	User   string `json:"User,omitempty"` // who publishes
	Title  string `json:"Title,omitempty"`
	Reason string `json:"Reason,omitempty"`
	// Watching is how many watch, each counted once.
	Watching *int `json:"Watching,omitempty"`
}
