package whip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"weir/room/live"
	"weir/rtc"
	"weir/rtc/signaling"
)

const (
	maxFailures = 16 // that are remembered
	maxPairs    = 32 // that are remembered of each
)

// Stage is how far a session came that failed.
type Stage string

// The stages.
const (
	StageICE   Stage = "ice"   // no path between the two was found
	StageDTLS  Stage = "dtls"  // a path was found, and no keys agreed on
	StageMedia Stage = "media" // connected, and nothing was sent
	StageLost  Stage = "lost"  // media came, then the path was lost for good
)

// Failure is a session that failed, told for people.
type Failure struct {
	When         time.Time
	Room, Stream string
	User         string
	Stage        Stage
	Reason       string   // of the session's end
	Offered      []string // the publisher's candidates, as protocol, address and type
	Announced    []string // the server's
	Pairs        []Pair   // that were tried, if the failure was there
	Advice       string   // what to look at
}

// Pair is a pair of candidates that was tried.
type Pair struct {
	Local, Remote string // protocol, address and type
	State         string // as the statistics of WebRTC name it
	Heard         bool   // a check of the publisher arrived
}

// failures remembers the last ones.
type failures struct {
	mu   sync.Mutex // guards the field below
	list []Failure  // the newest last
}

func (f *failures) add(one Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == maxFailures {
		f.list = slices.Delete(f.list, 0, 1)
	}
	f.list = append(f.list, one)
}

// Failures are the last sessions that failed, the newest first.
func (h *Handler) Failures() []Failure {
	h.failures.mu.Lock()
	defer h.failures.mu.Unlock()
	out := slices.Clone(h.failures.list)
	slices.Reverse(out)
	return out
}

// noteFailure remembers a session that ended for a reason which somebody may want to know more of. It is called before
// the connection is taken down.
func (s *session) noteFailure(reason error) {
	if !errors.Is(reason, errHandshake) && !errors.Is(reason, errSilence) && !errors.Is(reason, errFailed) {
		return
	}
	stage := s.stage()
	if stage == StageLost && s.pc.ConnectionState() == webrtc.PeerConnectionStateConnected {
		return // a camera that stopped, over a connection that stands
	}
	key := s.publisher.Stream().Key()
	f := Failure{
		When: time.Now(), Room: key.Room, Stream: key.Stream, User: s.publisher.User(), Stage: stage,
		Reason: live.Reason(reason), Offered: s.ice.Offered(), Announced: s.announced(),
	}
	if stage == StageICE {
		f.Pairs = pairsOf(s.pc) // no close comes from the network yet, to which the statistics are no barrier
	}
	f.Advice = f.advise(s.handler.opts.Engine.Port())
	s.handler.failures.add(f)
}

// stage is how far the session has come.
func (s *session) stage() Stage {
	switch s.pc.SCTP().Transport().State() {
	case webrtc.DTLSTransportStateNew:
		return StageICE
	case webrtc.DTLSTransportStateConnecting, webrtc.DTLSTransportStateFailed:
		return StageDTLS
	default:
	}
	for _, t := range s.snapshot() {
		t.mu.Lock()
		seen := t.seen
		t.mu.Unlock()
		if seen > 0 {
			return StageLost
		}
	}
	return StageMedia
}

// announced are the server's candidates as the answer had them.
func (s *session) announced() []string {
	var description sdp.SessionDescription
	if err := description.UnmarshalString(s.answer); err != nil || len(description.MediaDescriptions) == 0 {
		return nil
	}
	var out []string
	for _, a := range signaling.Transport(&description).Attributes {
		f := strings.Fields(a.Value)
		if a.Key != "candidate" || len(f) < 8 || f[1] != "1" { // RFC 8839 5.1; component 1 is all of rtcp-mux
			continue
		}
		ip, err := netip.ParseAddr(f[4])
		port, err2 := strconv.ParseUint(f[5], 10, 16)
		if err == nil && err2 == nil {
			out = append(out, strings.ToLower(f[2])+" "+netip.AddrPortFrom(ip, uint16(port)).String())
		}
	}
	return out
}

func pairsOf(pc *webrtc.PeerConnection) []Pair {
	stats := pc.GetStats()
	name := func(id string) string {
		c, ok := stats[id].(webrtc.ICECandidateStats)
		if !ok {
			return ""
		}
		return fmt.Sprintf("%s %s %d %s", strings.ToLower(c.Protocol), c.IP, c.Port, c.CandidateType)
	}
	var out []Pair
	for _, one := range stats {
		if p, ok := one.(webrtc.ICECandidatePairStats); ok {
			out = append(out, Pair{
				Local: name(p.LocalCandidateID), Remote: name(p.RemoteCandidateID), State: string(p.State),
				Heard: p.RequestsReceived > 0,
			})
		}
	}
	slices.SortFunc(out, func(a, b Pair) int { return strings.Compare(a.Local+a.Remote, b.Local+b.Remote) })
	return out[:min(len(out), maxPairs)]
}

// advise says in one or two sentences what to look at.
func (f *Failure) advise(port int) string {
	switch f.Stage {
	case StageDTLS:
		return "A path was found, but the two did not agree on keys: the certificate was not the one that the offer " +
			"names, or a network on the way loses large packets."
	case StageMedia:
		return "The connection stood, but the publisher sent nothing on it: is its camera in use by another program?"
	case StageLost:
		return "Media came, and then the path was lost. The publisher neither restarted ICE nor published again in time."
	default:
		return f.adviseOnPath(port)
	}
}

// adviseOnPath is for a session that found no path.
func (f *Failure) adviseOnPath(port int) string {
	if slices.ContainsFunc(f.Pairs, func(p Pair) bool { return p.Heard }) {
		return "The publisher's checks arrive here, but no path was agreed on: a firewall drops what the server sends " +
			"back, or the publisher gave up."
	}
	what := "The browser offered only " + f.kinds() + ", and none of the server's addresses was reached over UDP or TCP"
	if len(f.Offered) == 0 {
		what = "The publisher offered no address, and none of the server's was reached over UDP or TCP"
	}
	if f.announcesPrivateOnly() {
		return fmt.Sprintf("%s. All of those are private: publishers elsewhere need webrtc.public_ips, and port %d open for UDP and TCP.", what, port)
	}
	return fmt.Sprintf("%s; is port %d open for UDP and TCP, and are those the addresses under which the publisher reaches this machine?", what, port)
}

// kinds names the kinds of the offered addresses.
func (f *Failure) kinds() string {
	var kinds []string
	for _, c := range f.Offered {
		fields := strings.Fields(c)
		if len(fields) < 4 {
			continue
		}
		kind := scope(fields[1]) + " addresses"
		if fields[3] != "host" {
			kind = fields[3] + " candidates"
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, " and ")
}

func (f *Failure) announcesPrivateOnly() bool {
	return len(f.Announced) > 0 && !slices.ContainsFunc(f.Announced, func(c string) bool {
		addr, err := netip.ParseAddrPort(c[strings.IndexByte(c, ' ')+1:])
		return err == nil && rtc.Scope(addr.Addr()) == "public"
	})
}

// scope is the scope of an address as a candidate writes it.
func scope(address string) string {
	ip, err := netip.ParseAddr(address)
	switch {
	case err == nil:
		return rtc.Scope(ip)
	case strings.HasSuffix(address, ".local"):
		return "hidden (mDNS)"
	default:
		return "unknown"
	}
}
