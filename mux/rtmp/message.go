package rtmp

import "encoding/binary"

// Message types (Adobe RTMP 5.4, 7.1).
const (
	TypeChunkSize = 1
	TypeAbort     = 2
	TypeAck       = 3
	TypeControl   = 4
	TypeWindow    = 5
	TypeBandwidth = 6
	TypeAudio     = 8
	TypeVideo     = 9
	TypeData3     = 15 // AMF3
	TypeCommand3  = 17 // AMF3, whose commands are AMF0 behind a zero byte
	TypeData      = 18
	TypeCommand   = 20
	TypeAggregate = 22
)

// Events of a user control message (7.1.7).
const (
	EventBegin  = 0
	EventEOF    = 1
	EventBuffer = 3
	EventPing   = 6
	EventPong   = 7
)

// Message is what chunks make up (6.1).
type Message struct {
	Type   byte
	Stream uint32 // message stream id
	Time   uint32 // ms, wrapping at 2^32
	Body   []byte // of one that was read: the receiver's own
}

// Number is a message about the connection itself that says a number, with what stands behind it (5.4).
func Number(typ byte, v uint32, more ...byte) Message {
	return Message{Type: typ, Body: append(binary.BigEndian.AppendUint32(nil, v), more...)}
}

// Control is a user control message (6.2).
func Control(event uint16, data ...byte) Message {
	return Message{Type: TypeControl, Body: append(binary.BigEndian.AppendUint16(nil, event), data...)}
}

// csid is the chunk stream of a message: audio and video have their own, so that neither waits for the other at peers
// that read them apart, and 2 is for what is about the connection (5.4).
func (m *Message) csid() byte {
	switch m.Type {
	case TypeAudio:
		return 4
	case TypeVideo:
		return 6
	case TypeData:
		return 5
	case TypeCommand:
		return 3
	default:
		return 2
	}
}
