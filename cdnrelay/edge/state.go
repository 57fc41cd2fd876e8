package edge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/mux/fmp4"
	"weir/room/live"
)

// stateScheme names the messages that say how a stream is.
const stateScheme = "urn:weir:stream:1"

// The headers that nodes tell each other.
const (
	headerVia   = "Weir-Via"   // of a request: the nodes that it came through
	headerPath  = "Weir-Path"  // of an answer: the nodes that the stream comes through
	headerState = "Weir-State" // of an answer: how the stream is, or stateNone
)

// stateNone says that the stream cannot be had: a node answers so, and not another server at its address.
const stateNone = "none"

// maxHops is how many nodes may stand one before the other.
const maxHops = 8

// state is how a stream is. It is sent at the beginning and with each change, behind the frames of before it.
type state struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	// Started names the stream's clock: two streams are the same one if it is the same.
	Started int64  `json:"started"`
	Newest  int64  `json:"newest"` // the latest decoding time so far
	User    string `json:"user,omitempty"`
	// Room and Stream name the stream, and ID is its stream id, if it has one: who asks by that learns the others.
	Room   string   `json:"room"`
	Stream string   `json:"stream"`
	ID     string   `json:"id,omitempty"`
	Layers []string `json:"layers,omitempty"`
}

// stateOf describes a stream.
func stateOf(s *live.Stream) state {
	i := s.Info()
	st := state{
		State: i.State.String(), Started: i.Started.UnixNano(), Newest: int64(s.Newest()), User: i.User, Layers: s.Layers(),
		Room: i.Key.Room, Stream: i.Key.Stream, ID: i.ID,
	}
	if i.Reason != nil {
		st.Reason = live.Reason(i.Reason)
	}
	return st
}

func (st *state) same(o *state) bool {
	return st.State == o.State && st.Reason == o.Reason && st.Started == o.Started && st.User == o.User && st.ID == o.ID && slices.Equal(st.Layers, o.Layers)
}

// started is when the stream's clock was 0, by this node's clock if the origin's is far from it: who publishes here after all goes
// on by that.
func (st *state) started(now time.Time) time.Time {
	at, here := time.Unix(0, st.Started), now.Add(-time.Duration(st.Newest))
	if here.Sub(at).Abs() > clocksApart {
		return here
	}
	return at
}

// append appends the message.
func (st *state) append(dst []byte) []byte {
	text, _ := json.Marshal(st) // nothing in it cannot be written
	return fmp4.AppendMessage(dst, &fmp4.Message{Scheme: stateScheme, Value: st.State, Time: time.Duration(st.Newest), Data: text})
}

func parseState(m *fmp4.Message) (st state, err error) {
	if err := json.Unmarshal(m.Data, &st); err != nil {
		return state{}, fmt.Errorf("cannot read the state of a stream: %w", err)
	}
	if len(st.Layers) > maxLayers {
		return state{}, fmt.Errorf("cannot read the state of a stream: %d layers", len(st.Layers))
	}
	return st, nil
}

// maxLayers bounds the layers that an origin tells of.
const maxLayers = 16

// nodes are the ids of nodes as a header lists them.
func nodes(header string) (ids []string) {
	for id := range strings.SplitSeq(header, ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// meet tells whether two lists of nodes have one in common.
func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) })
}
