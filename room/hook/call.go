package hook

import (
	"encoding/json"

	"weir/room/im"
)

// Call is one command for the receiver of an app.
type Call struct {
	App int
	// Command is one of the commands of this package.
	Command string
	// Actor is whose doing it is; its Addr and Platform go into the address.
	Actor im.Actor
	// Body is the command's own. CallbackCommand and, where the command has it, EventTime are added here.
	Body Body
}

// Body is the content of one command: a value of this package's types that are named after commands. It is rendered
// before Ask and Tell return.
type Body interface {
	// topic is what the command is about; commands about the same are told in their order.
	topic() string
}

// Members are accounts, which are objects on the wire.
type Members []string

// MarshalJSON writes [{"Member_Account":"…"}, …].
func (m Members) MarshalJSON() ([]byte, error) {
	type member struct {
		Account string `json:"Member_Account"`
	}
	list := make([]member, 0, len(m))
	for _, account := range m {
		list = append(list, member{account})
	}
	return json.Marshal(list)
}

// Verdict is what the receiver said. The zero Verdict lets it happen as it was, which is also the verdict when nobody
// is to be asked, or when the receiver did not answer as it should.
type Verdict struct {
	// Code is 0: it may happen. 1: it is denied. Dropped: it is to look to the sender as if it had happened. Others are
	// told to the client, with Info; see Err.
	Code int
	Info string
	// Body and Cloud replace the message's; nil: as it was. They come from outside: check them.
	Body  []im.Element
	Cloud *string
	// Refused are those of the members to be invited who are not to be.
	Refused []string
}

// Dropped is the code of what the sender is to take for done.
const Dropped = 2

// Err is the refusal that the client gets; nil when there is none. denied is what it gets where the receiver gave no
// code of its own, such as im.ErrDenied.
func (v Verdict) Err(denied *im.Error) error {
	switch v.Code {
	case 0, Dropped:
		return nil
	case 1:
		return denied
	default:
		return im.Refused(v.Code, v.Info)
	}
}
