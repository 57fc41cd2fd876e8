package hook

import "weir/room/im"

// GroupMessage is the body of GroupBeforeSend.
type GroupMessage struct {
	Room string `json:"GroupId"`
	// Type is the room's type, such as AVChatRoom.
	Type string `json:"Type"`
	// From is whose message it is, Operator who sent it: an administrator may for others.
	From     string `json:"From_Account"`
	Operator string `json:"Operator_Account"`
	Random   uint32 `json:"Random"`
	// OnlineOnly is 1 for a message that nobody keeps, else 0.
	OnlineOnly int          `json:"OnlineOnlyFlag"`
	MsgBody    []im.Element `json:"MsgBody"`
	Cloud      string       `json:"CloudCustomData"`
	Topic      string       `json:"TopicId"`
}

func (m GroupMessage) topic() string { return "room/" + m.Room }

// GroupMessageSent is the body of GroupAfterSend: the message as it was sent.
type GroupMessageSent struct {
	GroupMessage
	Seq uint64 `json:"MsgSeq"`
	// Time is in Unix seconds.
	Time int64  `json:"MsgTime"`
	Nick string `json:"NickName"`
}

// GroupMessageCut is the body of GroupSendException: a message that did not get to the room, and why.
type GroupMessageCut struct {
	GroupMessage
	Code int    `json:"ErrorCode"`
	Info string `json:"ErrorInfo"`
}

// GroupApplication is the body of GroupBeforeJoin.
type GroupApplication struct {
	Room      string `json:"GroupId"`
	Type      string `json:"Type"`
	Requestor string `json:"Requestor_Account"`
}

func (a GroupApplication) topic() string { return "room/" + a.Room }

// GroupInvitation is the body of GroupBeforeInvite.
type GroupInvitation struct {
	Room     string  `json:"GroupId"`
	Type     string  `json:"Type"`
	Operator string  `json:"Operator_Account"`
	Members  Members `json:"DestinationMembers"`
}

func (i GroupInvitation) topic() string { return "room/" + i.Room }

// How a member came into a room.
const (
	JoinApply   = "Apply"
	JoinInvited = "Invited"
)

// GroupJoined is the body of GroupAfterJoin.
type GroupJoined struct {
	Room string `json:"GroupId"`
	Type string `json:"Type"`
	// How is JoinApply or JoinInvited.
	How      string  `json:"JoinType"`
	Operator string  `json:"Operator_Account"`
	Members  Members `json:"NewMemberList"`
}

func (j GroupJoined) topic() string { return "room/" + j.Room }

// How a member left a room.
const (
	ExitKicked = "Kicked"
	ExitQuit   = "Quit"
)

// GroupLeft is the body of GroupAfterExit.
type GroupLeft struct {
	Room string `json:"GroupId"`
	Type string `json:"Type"`
	// How is ExitKicked or ExitQuit.
	How      string  `json:"ExitType"`
	Operator string  `json:"Operator_Account"`
	Members  Members `json:"ExitMemberList"`
}

func (l GroupLeft) topic() string { return "room/" + l.Room }

// Whether members of a room are there, and why that changed.
const (
	Online  = "Online"
	Offline = "Offline"

	CauseInterrupted = "HeartbeatInterrupt"
	CauseRecovered   = "HeartbeatRecover"
	CauseJoined      = "Join"
	CauseQuit        = "Quit"
)

// GroupPresence is the body of GroupStateChange.
type GroupPresence struct {
	Room string `json:"GroupId"`
	// Event is Online or Offline, Cause one of the causes.
	Event   string  `json:"EventType"`
	Cause   string  `json:"EventCause"`
	Members Members `json:"MemberList"`
}

func (p GroupPresence) topic() string { return "room/" + p.Room }

// GroupCreation is the body of GroupBeforeCreate.
type GroupCreation struct {
	Operator string `json:"Operator_Account"`
	Owner    string `json:"Owner_Account"`
	Type     string `json:"Type"`
	Name     string `json:"Name"`
	// Owned is how many rooms the owner has made before.
	Owned   int     `json:"CreateGroupNum"`
	Members Members `json:"MemberList"`
}

func (c GroupCreation) topic() string { return "account/" + c.Owner }

// GroupCreated is the body of GroupAfterCreate.
type GroupCreated struct {
	Room     string  `json:"GroupId"`
	Operator string  `json:"Operator_Account"`
	Owner    string  `json:"Owner_Account"`
	Type     string  `json:"Type"`
	Name     string  `json:"Name"`
	Owned    int     `json:"CreateGroupNum"`
	Members  Members `json:"MemberList"`
	// Fields are the room's custom fields.
	Fields []Field `json:"UserDefinedDataList"`
}

func (c GroupCreated) topic() string { return "room/" + c.Room }

// Field is a custom field of a room.
type Field struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// GroupChanged is the body of GroupAfterChange: what of these changed; nil: it did not.
type GroupChanged struct {
	Room         string  `json:"GroupId"`
	Type         string  `json:"Type"`
	Operator     string  `json:"Operator_Account"`
	Name         *string `json:"Name,omitempty"`
	Introduction *string `json:"Introduction,omitempty"`
	Notification *string `json:"Notification,omitempty"`
	Face         *string `json:"FaceUrl,omitempty"`
}

func (c GroupChanged) topic() string { return "room/" + c.Room }

// GroupDestroyed is the body of GroupAfterDestroy.
type GroupDestroyed struct {
	Room    string  `json:"GroupId"`
	Type    string  `json:"Type"`
	Name    string  `json:"Name"`
	Owner   string  `json:"Owner_Account"`
	Members Members `json:"MemberList"`
}

func (d GroupDestroyed) topic() string { return "room/" + d.Room }

// GroupFull is the body of GroupAfterFull.
type GroupFull struct {
	Room string `json:"GroupId"`
}

func (f GroupFull) topic() string { return "room/" + f.Room }
