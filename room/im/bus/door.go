package bus

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"

	"weir/room/api"
)

const (
	// writeTimeout is how long one write to a client may take. Until then what is published waits in its queue.
	writeTimeout = 5 * time.Second
	// sendBuffer bounds what the system holds for a client beside its queue, in bytes.
	sendBuffer = 64 << 10
	// readBuffer is what a connection keeps for reading, in bytes: clients send little.
	readBuffer = 512
)

// door is the HTTP side: it bounds who comes in before it is known who that is.
type door struct {
	bus       *Bus
	websocket http.Handler
	sse       http.Handler
	stream    http.Handler
	emulation http.Handler

	mu      sync.Mutex // guards the fields below
	open    int
	pending int
	from    map[string]int // pending connections by network
}

func newDoor(b *Bus) *door {
	ping := centrifuge.PingPongConfig{PingInterval: b.o.PingEvery, PongTimeout: b.o.PongTimeout}
	return &door{
		bus:  b,
		from: make(map[string]int),
		websocket: centrifuge.NewWebsocketHandler(b.node, centrifuge.WebsocketConfig{
			// Pages of origins that are not allowed were refused before they came here.
			CheckOrigin:        func(*http.Request) bool { return true },
			ReadBufferSize:     readBuffer,
			UseWriteBufferPool: true,
			MessageSizeLimit:   b.o.MessageBytes,
			WriteTimeout:       writeTimeout,
			// Every call would leave its reader's goroutine with a deep stack for good.
			ProcessCommandsOffReadLoop: true,
			PingPongConfig:             ping,
		}),
		sse:       centrifuge.NewSSEHandler(b.node, centrifuge.SSEConfig{PingPongConfig: ping, MaxRequestBodySize: b.o.MessageBytes}),
		stream:    centrifuge.NewHTTPStreamHandler(b.node, centrifuge.HTTPStreamConfig{PingPongConfig: ping, MaxRequestBodySize: b.o.MessageBytes}),
		emulation: centrifuge.NewEmulationHandler(b.node, centrifuge.EmulationConfig{MaxRequestBodySize: 2 * b.o.MessageBytes}),
	}
}

// ServeHTTP is /im for WebSockets, and for networks that break those /im/sse and /im/http_stream with /im/emulation
// for the way back.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, below, _ := strings.Cut(r.URL.Path, "/im")
	switch below {
	case "", "/":
		d.serveWebSocket(w, r)
	case "/sse":
		d.serveStream(w, r, d.sse)
	case "/http_stream":
		d.serveStream(w, r, d.stream)
	case "/emulation":
		d.emulation.ServeHTTP(w, r)
	default:
		api.Problem(w, r, http.StatusNotFound, api.CodeNotFound, "")
	}
}

func (d *door) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	v := d.admit(w, r)
	if v == nil {
		return
	}
	if r.ProtoMajor > 1 {
		defer v.left()
		d.websocket.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
		return
	}
	// What the connection keeps for good is this copy, not net/http's request with all that hangs on it.
	plain := (&http.Request{
		Method: r.Method, URL: r.URL, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: r.Header, Host: r.Host, RemoteAddr: r.RemoteAddr,
	}).WithContext(context.WithValue(context.Background(), visitorKey{}, v))
	h := &hijacker{ResponseWriter: w, visitor: v}
	d.websocket.ServeHTTP(h, plain)
	if !h.done {
		v.left()
	}
}

func (d *door) serveStream(w http.ResponseWriter, r *http.Request, h http.Handler) {
	v := d.admit(w, r)
	if v == nil {
		return
	}
	defer v.left()
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // the handler sets one for every write
	h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
}

// admit takes a connection in, or answers why not.
func (d *door) admit(w http.ResponseWriter, r *http.Request) *visitor {
	d.bus.mu.RLock()
	running := d.bus.running
	d.bus.mu.RUnlock()
	if !running {
		api.Problem(w, r, http.StatusServiceUnavailable, api.CodeShuttingDown, "")
		return nil
	}
	addr, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		addr = r.RemoteAddr
	}
	if !d.enter(addr) {
		d.bus.stats.refused("server_full")
		w.Header().Set("Retry-After", "2")
		api.Problem(w, r, http.StatusServiceUnavailable, api.CodeServerFull, "too many connections, or too many that do not log in")
		return nil
	}
	return &visitor{door: d, addr: addr, userAgent: r.UserAgent(), pending: true}
}

func (d *door) enter(addr string) bool {
	o := &d.bus.o
	d.mu.Lock()
	defer d.mu.Unlock()
	from := network(addr)
	if d.open >= o.MaxConnections || d.pending >= o.MaxPending || d.from[from] >= o.MaxPendingPerAddress {
		return false
	}
	d.open++
	d.pending++
	d.from[from]++
	return true
}

// network is what an address counts as: of IPv6 a single client may have a whole /64.
func network(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return addr
	}
	p, _ := ip.WithZone("").Prefix(64) // in range, so there is no error
	return p.String()
}

// visitor is a connection as the door knows it.
type visitor struct {
	door      *door
	addr      string
	userAgent string
	session   *Session // once it is logged in; set before anything else of the connection runs

	// Guarded by door.mu.

	pending bool
	gone    bool
}

type visitorKey struct{}

// nobody is the visitor of a context without one.
var nobody = &visitor{}

func visitorOf(ctx context.Context) *visitor {
	if v, ok := ctx.Value(visitorKey{}).(*visitor); ok {
		return v
	}
	return nobody
}

// loggedIn makes room for the next who is not.
func (v *visitor) loggedIn() {
	v.door.mu.Lock()
	defer v.door.mu.Unlock()
	v.settleLocked()
}

func (v *visitor) settleLocked() {
	if !v.pending {
		return
	}
	v.pending = false
	v.door.pending--
	from := network(v.addr)
	if v.door.from[from]--; v.door.from[from] <= 0 {
		delete(v.door.from, from)
	}
}

// left notes the end of the connection, once.
func (v *visitor) left() {
	v.door.mu.Lock()
	defer v.door.mu.Unlock()
	if v.gone {
		return
	}
	v.gone = true
	v.door.open--
	v.settleLocked()
}

// hijacker hands over a connection that tells the door when it is closed.
type hijacker struct {
	http.ResponseWriter
	visitor *visitor
	done    bool
}

// Hijack is of http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.done = true
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // a larger one only costs memory
	}
	return &countedConn{Conn: conn, visitor: h.visitor}, buf, nil
}

type countedConn struct {
	net.Conn
	visitor *visitor
}

// Close closes the connection and tells the door.
func (c *countedConn) Close() error {
	c.visitor.left()
	return c.Conn.Close()
}
