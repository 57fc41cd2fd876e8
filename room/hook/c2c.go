package hook

import "weir/room/im"

// C2CMessage is the body of C2CBeforeSend.
type C2CMessage struct {
	From   string `json:"From_Account"`
	To     string `json:"To_Account"`
	Seq    uint64 `json:"MsgSeq"`
	Random uint32 `json:"MsgRandom"`
	// Time is in Unix seconds.
	Time int64  `json:"MsgTime"`
	Key  string `json:"MsgKey"`
	// OnlineOnly is 1 for a message that nobody keeps, else 0.
	OnlineOnly int          `json:"OnlineOnlyFlag"`
	MsgBody    []im.Element `json:"MsgBody"`
	Cloud      string       `json:"CloudCustomData"`
}

func (m C2CMessage) topic() string { return "account/" + m.From }

// C2CMessageSent is the body of C2CAfterSend: the message as it was sent, or that it could not be.
type C2CMessageSent struct {
	C2CMessage
	// Result is 0 where it was sent, else the error's number.
	Result int `json:"SendMsgResult"`
	// Info is SentInfo, or the error's text.
	Info string `json:"ErrorInfo"`
	// Unread is how many messages wait for the recipient; -1 where it was not sent.
	Unread int `json:"UnreadMsgNum"`
}

// SentInfo is the Info of a message that was sent.
const SentInfo = "send msg succeed"

// C2CRead is the body of C2CAfterRead.
type C2CRead struct {
	// Reader has read what Peer wrote.
	Reader string `json:"Report_Account"`
	Peer   string `json:"Peer_Account"`
	// Last is the time of the last message that was read, in Unix seconds.
	Last   int64 `json:"LastReadTime"`
	Unread int   `json:"UnreadMsgNum"`
}

func (r C2CRead) topic() string { return "account/" + r.Reader }

// C2CWithdrawn is the body of C2CAfterWithdraw.
type C2CWithdrawn struct {
	From   string `json:"From_Account"`
	To     string `json:"To_Account"`
	Key    string `json:"MsgKey"`
	Unread int    `json:"UnreadMsgNum"`
}

func (w C2CWithdrawn) topic() string { return "account/" + w.From }
