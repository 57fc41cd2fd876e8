//go:build linux

package crowd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"

	"weir/bench/measure"
)

const (
	// packetsAtOnce is how many datagrams one system call takes.
	packetsAtOnce = 32
	// feedbackEvery is the time between two packets of transport-wide feedback of one viewer, as browsers have it.
	feedbackEvery = 100 * time.Millisecond
	// feedbackTurns is how many groups the viewers are told in, one after another.
	feedbackTurns = 10
	// heldEarly is how many packets may wait for the keys.
	heldEarly = 512
	// whepBuffer is the receive buffer of a socket in bytes: what comes while the goroutine reads others.
	whepBuffer = 1 << 20
)

// WHEP are viewers by WebRTC. One goroutine reads for all and answers with receiver reports, transport-wide feedback and
// connectivity checks. Every viewer decrypts up to its first key frame, the probes all the time. Join may be called by
// several goroutines while it runs.
type WHEP struct {
	poll     int
	pictures Source
	packets  atomic.Uint64
	bytes    atomic.Uint64 // of UDP payload

	mu      sync.Mutex // guards viewers and what is given to them
	viewers map[int32]*whepViewer
	joined  []*Viewer
}

// Viewer is one that has joined.
type Viewer struct {
	*Record
	Connect time.Duration // from the request to the keys
	viewer  *whepViewer
}

// look is what a viewer sees that decrypts.
type look struct {
	record *Record
	always bool
	nals   nalReader
	plain  []byte   // scratch
	early  [][]byte // came before the keys, which the server may have first
}

// NewWHEP is a crowd of nobody.
func NewWHEP(pictures Source) (*WHEP, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot poll: %w", err)
	}
	return &WHEP{poll: poll, pictures: pictures, viewers: make(map[int32]*whepViewer)}, nil
}

// Join lets one more viewer ask for http://addr/path and waits until it is connected. A probe looks at every picture.
func (c *WHEP) Join(ctx context.Context, addr, path string, probe bool) (*Viewer, error) {
	v, err := newWHEPViewer(c)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	out := &Viewer{Record: newRecord(c.pictures), viewer: v}
	v.look = &look{record: out.Record, always: probe}
	v.arrivals = twcc.NewRecorder(ownSSRC)
	c.mu.Lock()
	c.joined = append(c.joined, out)
	c.mu.Unlock()
	if err := v.connect(ctx, addr, path); err != nil {
		return nil, err
	}
	out.Connect = time.Since(begin)
	return out, nil
}

// JoinPlain lets one more viewer get packets that are not encrypted, or whose keys nobody has, from an address that sends
// to whoever has sent it a datagram. They are counted.
func (c *WHEP) JoinPlain(server netip.AddrPort) error {
	v, err := newWHEPViewer(c)
	if err != nil {
		return err
	}
	v.arrivals = twcc.NewRecorder(ownSSRC)
	c.mu.Lock()
	c.joined = append(c.joined, &Viewer{Record: newRecord(c.pictures), viewer: v})
	c.mu.Unlock()
	if err := unix.Connect(v.socket, &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}); err != nil {
		return fmt.Errorf("cannot use the socket: %w", err)
	}
	if err := c.watch(v); err != nil {
		return err
	}
	v.send([]byte("hello"))
	return nil
}

// watch lets the crowd's goroutine read the viewer's socket.
func (c *WHEP) watch(v *whepViewer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.viewers[int32(v.socket)] = v
	_ = unix.SetsockoptInt(v.socket, unix.SOL_SOCKET, unix.SO_RCVBUF, whepBuffer) // the kernel may allow less
	if err := unix.EpollCtl(c.poll, unix.EPOLL_CTL_ADD, v.socket, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(v.socket)}); err != nil {
		return fmt.Errorf("cannot poll: %w", err)
	}
	return nil
}

// give gives the viewer its keys.
func (c *WHEP) give(v *whepViewer, in, out *srtp.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v.in, v.out = in, out
}

// Packets is how many RTP packets came, Bytes how much UDP payload they were.
func (c *WHEP) Packets() uint64 { return c.packets.Load() }

// Bytes is described at Packets.
func (c *WHEP) Bytes() uint64 { return c.bytes.Load() }

// Expected is how many packets were sent to all by their sequence numbers, Received how many of them came.
func (c *WHEP) Expected() (sent, received uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.viewers {
		for _, s := range v.streams {
			sent += uint64(s.expected())
			received += uint64(s.received)
		}
	}
	return sent, received
}

// Run reads and answers until ctx ends, which is no error.
func (c *WHEP) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	batch := newBatch()
	var events [eventsAtOnce]unix.EpollEvent
	turn, next := 0, time.Now()
	for ctx.Err() == nil {
		n, err := unix.EpollWait(c.poll, events[:], int((feedbackEvery / feedbackTurns).Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot poll: %w", err)
		}
		c.mu.Lock()
		now := time.Now()
		for _, e := range events[:max(n, 0)] {
			if v := c.viewers[e.Fd]; v != nil {
				batch.read(v, now)
			}
		}
		if !now.Before(next) {
			c.tell(turn, now)
			turn, next = (turn+1)%feedbackTurns, now.Add(feedbackEvery/feedbackTurns)
		}
		c.mu.Unlock()
	}
	return nil
}

// tell sends the feedback of one group of viewers.
func (c *WHEP) tell(turn int, now time.Time) {
	for i := turn; i < len(c.joined); i += feedbackTurns {
		v := c.joined[i].viewer
		if v.out == nil {
			continue
		}
		packets := v.packets(v.streams, now)
		if len(packets) == 0 {
			continue
		}
		plain, err := rtcp.Marshal(packets)
		if err != nil {
			continue
		}
		if sealed, err := v.out.EncryptRTCP(nil, plain, nil); err == nil {
			v.send(sealed)
		}
	}
}

// Close lets everybody leave. Run must be over.
func (c *WHEP) Close(ctx context.Context) {
	var leaving sync.WaitGroup
	for _, v := range c.joined {
		leaving.Go(func() { v.viewer.leave(ctx) })
	}
	leaving.Wait()
	_ = unix.Close(c.poll)
}

// packet takes a datagram (RFC 7983).
func (v *whepViewer) packet(b []byte, now time.Time) {
	switch {
	case len(b) < 12:
	case b[0] < 4:
		v.binding(b)
	case b[0] >= 20 && b[0] < 64:
		select {
		case v.flights <- append([]byte(nil), b...):
		default: // it will be sent again
		}
	case b[0]>>6 != 2:
	case b[1] >= rtcpFirst && b[1] <= rtcpLast:
		v.report(b, now)
	default:
		v.media(b, now)
	}
}

// report takes sender reports.
func (v *whepViewer) report(b []byte, now time.Time) {
	if v.in == nil {
		return
	}
	plain, err := v.in.DecryptRTCP(nil, b, nil)
	if err != nil {
		return
	}
	packets, err := rtcp.Unmarshal(plain)
	if err != nil {
		return
	}
	for _, p := range packets {
		if sr, ok := p.(*rtcp.SenderReport); ok && v.streams[sr.SSRC] != nil {
			s := v.streams[sr.SSRC]
			s.report, s.reported = uint32(sr.NTPTime>>16), now
		}
	}
}

// media counts an RTP packet; the header is not encrypted.
func (v *whepViewer) media(b []byte, now time.Time) {
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil {
		return
	}
	s := v.streams[h.SSRC]
	if s == nil {
		s = &stream{ssrc: h.SSRC}
		v.streams[h.SSRC] = s
	}
	s.saw(h.SequenceNumber)
	v.crowd.packets.Add(1)
	v.crowd.bytes.Add(uint64(len(b)))
	if ext := h.GetExtension(uint8(v.answer.twcc)); v.answer.twcc > 0 && len(ext) >= 2 {
		v.arrivals.Record(h.SSRC, uint16(ext[0])<<8|uint16(ext[1]), now.UnixMicro())
	}
	if v.look != nil && int(h.PayloadType) == v.answer.video {
		v.see(v.look, &h, n, b)
	}
}

// see looks at a packet of video, and before it at those from before the keys.
func (v *whepViewer) see(l *look, h *rtp.Header, header int, b []byte) {
	if v.in == nil {
		if len(l.early) < heldEarly {
			l.early = append(l.early, append([]byte(nil), b...))
		}
		return
	}
	for _, e := range l.early {
		var old rtp.Header
		if n, err := old.Unmarshal(e); err == nil {
			l.decrypt(v.in, &old, n, e)
		}
	}
	l.early = nil
	l.decrypt(v.in, h, header, b)
	if !l.always && l.record.First() > 0 {
		v.look = nil
	}
}

// decrypt shows the NAL units that are whole with the packet to the record.
func (l *look) decrypt(in *srtp.Context, h *rtp.Header, header int, b []byte) {
	plain, err := in.DecryptRTP(l.plain[:0], b, h)
	if err != nil {
		return
	}
	l.plain = plain
	l.nals.read(h.SequenceNumber, plain[header:], l.record.saw)
}

// Reset forgets all delays so far, which are those of joining.
func (c *WHEP) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.joined {
		v.Record.Reset()
	}
}

// Delays are the times in ms that pictures took to the probes since the last Reset.
func (c *WHEP) Delays() (all []float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.joined {
		if v.viewer.look != nil {
			all = append(all, v.Record.Delays()...)
		}
	}
	return all
}

// Looks tells how long everybody's connection took in ms, and their first key frames.
func (c *WHEP) Looks() (connect, first []float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.joined {
		connect = append(connect, measure.Milliseconds(v.Connect))
		if d := v.First(); d > 0 {
			first = append(first, measure.Milliseconds(d))
		}
	}
	return connect, first
}

// mmsghdr is what recvmmsg(2) fills in for one datagram.
type mmsghdr struct {
	head unix.Msghdr
	size uint32
	_    [4]byte
}

// batch is the room for what one system call takes.
type batch struct {
	heads [packetsAtOnce]mmsghdr
	iovs  [packetsAtOnce]unix.Iovec
	data  [packetsAtOnce][maxPacket]byte
}

func newBatch() *batch {
	b := new(batch)
	for i := range b.heads {
		b.iovs[i].Base = &b.data[i][0]
		b.iovs[i].SetLen(maxPacket)
		b.heads[i].head.Iov = &b.iovs[i]
		b.heads[i].head.SetIovlen(1)
	}
	return b
}

// read takes all that there is for a viewer.
func (b *batch) read(v *whepViewer, now time.Time) {
	for {
		n, _, err := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(v.socket), uintptr(unsafe.Pointer(&b.heads[0])), packetsAtOnce,
			unix.MSG_DONTWAIT, 0, 0)
		if err != 0 {
			return // nothing is there, or it is the socket's pending error, which this takes away
		}
		for i := range int(n) {
			v.packet(b.data[i][:b.heads[i].size], now)
		}
		if n < packetsAtOnce {
			return
		}
	}
}
