package whip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"weir/mux/av"
)

const (
	probeTries = 3
	probeWait  = 300 * time.Millisecond // for the answer of a try
)

// Reach is one of the server's candidates, and whether it answered this machine.
type Reach struct {
	Protocol string // udp or tcp
	Addr     netip.AddrPort
	Answered bool
	Fault    string // why it did not
}

// probeOffer is an offer of nothing, whose answer lists the candidates that any answer does.
const probeOffer = `v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
a=ice-ufrag:UFRAG
a=ice-pwd:PWD
a=fingerprint:sha-256 00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00
a=setup:actpass
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=42e01f
`

// Probe lists the candidates that an answer would have, and asks each of them from this machine: by a connectivity
// check (RFC 8445 7.2) of an ICE session that is made for it and ends with it.
func (e *Engine) Probe(ctx context.Context) ([]Reach, error) {
	ufrag, pwd := rand.Text()[:8], rand.Text()
	o, err := readOffer([]byte(strings.NewReplacer("UFRAG", ufrag, "PWD", pwd, "\n", "\r\n").Replace(probeOffer)), []av.Codec{av.CodecH264})
	if err != nil {
		return nil, fmt.Errorf("cannot probe the media port: %w", err)
	}
	pc, err := e.connect(o)
	if err != nil {
		return nil, fmt.Errorf("cannot probe the media port: %w", err)
	}
	defer func() { _ = pc.GracefulClose() }() // nothing was connected
	answer, err := answerOf(ctx, pc, o.text)
	if err != nil {
		return nil, fmt.Errorf("cannot probe the media port: %w", err)
	}
	list, credentials := candidatesOf(answer)
	credentials.username += ":" + ufrag
	var probes sync.WaitGroup
	for i := range list {
		probes.Go(func() {
			if err := credentials.ask(ctx, &list[i]); err != nil {
				list[i].Fault = err.Error()
				return
			}
			list[i].Answered = true
		})
	}
	probes.Wait()
	return list, nil
}

// candidatesOf reads an answer's candidates and what a check of them has to show.
func candidatesOf(answer string) ([]Reach, check) {
	var (
		s    sdp.SessionDescription
		list []Reach
	)
	if err := s.UnmarshalString(answer); err != nil || len(s.MediaDescriptions) == 0 {
		return nil, check{}
	}
	m := transport(&s)
	for _, a := range m.Attributes {
		f := strings.Fields(a.Value)
		if a.Key != "candidate" || len(f) < 8 || f[1] != "1" { // RFC 8839 5.1; component 1 is all of rtcp-mux
			continue
		}
		ip, err := netip.ParseAddr(f[4])
		port, err2 := strconv.ParseUint(f[5], 10, 16)
		if err == nil && err2 == nil {
			list = append(list, Reach{Protocol: strings.ToLower(f[2]), Addr: netip.AddrPortFrom(ip, uint16(port))})
		}
	}
	return list, check{username: attribute(&s, m, "ice-ufrag"), password: attribute(&s, m, "ice-pwd")}
}

// check is what a connectivity check needs.
type check struct{ username, password string }

var errNoAnswer = errors.New("no answer")

// ask sends checks until one is answered.
func (c check) ask(ctx context.Context, to *Reach) error {
	dialer := net.Dialer{Timeout: probeTries * probeWait}
	conn, err := dialer.DialContext(ctx, to.Protocol, to.Addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for range probeTries {
		request, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(c.username),
			stun.NewShortTermIntegrity(c.password), stun.Fingerprint)
		if err != nil {
			return err
		}
		if err := writeSTUN(conn, to.Protocol, request.Raw); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(probeWait)); err != nil {
			return err
		}
		if awaitAnswer(conn, to.Protocol, request) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errNoAnswer
}

// awaitAnswer reads until the answer comes, or the deadline. Checks of the server come in between.
func awaitAnswer(conn net.Conn, protocol string, request *stun.Message) bool {
	for {
		b, err := readSTUN(conn, protocol)
		if err != nil {
			return false
		}
		if isAnswer(b, request) {
			return true
		}
	}
}

func isAnswer(b []byte, request *stun.Message) bool {
	m := stun.Message{Raw: b}
	return m.Decode() == nil && m.Type == stun.BindingSuccess && m.TransactionID == request.TransactionID
}

// writeSTUN sends a STUN message; over TCP each has its length before it (RFC 4571 2).
func writeSTUN(conn net.Conn, protocol string, b []byte) error {
	if protocol == "tcp" {
		b = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	_, err := conn.Write(b)
	return err
}

func readSTUN(conn net.Conn, protocol string) ([]byte, error) {
	buf := make([]byte, receiveMTU)
	if protocol != "tcp" {
		n, err := conn.Read(buf)
		return buf[:n], err
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) {
		return nil, errNoAnswer
	}
	_, err := io.ReadFull(conn, buf[:n])
	return buf[:n], err
}

// answerOf takes an offer and waits for the server's candidates.
func answerOf(ctx context.Context, pc *webrtc.PeerConnection, offer string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", badOffer(err.Error())
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", badOffer(err.Error())
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("cannot answer: %w", err)
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-time.After(gatherTimeout):
		return "", errors.New("cannot list the server's addresses in time")
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
