package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minKey is the shortest secret key that is accepted, in bytes: 256 bits in hexadecimal are 64 of them.
const minKey = 32

// userID is the form of a user's id in UserSig.
var userID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// iceServer is the URL of a STUN or TURN server (RFC 7064, RFC 7065).
var iceServer = regexp.MustCompile(`^(stuns?:|turns?:)([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\?transport=(udp|tcp))?$`)

// redisURL is where a Redis is.
var redisURL = regexp.MustCompile(`^(rediss?|unix)://[^\s]+$`)

// restRate is a command's rate; whether there is such a command is known to who answers it.
var restRate = regexp.MustCompile(`^[a-z_]+/[a-z_]+=[0-9]{1,6}$`)

// Validate checks every value. The error joins one line per wrong key: its name, its value, what is allowed.
func (c *Config) Validate() error {
	var p problems
	p.listeners(c)
	p.ingest(&c.Ingest)
	p.outputs(c)
	p.auth(&c.Auth)
	p.im(&c.IM)
	p.hooks(c)
	p.origin(c)
	p.store(&c.Store)
	p.images(&c.Images)
	p.relay(&c.Relay)
	p.pull(&c.Pull)
	p.record(&c.Record)
	p.edge(&c.Edge)
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "auto", "text", "json")
	if c.DataDir == "" {
		p.add("data_dir", c.DataDir, "the path of a folder")
	}
	between(&p, "shutdown_timeout", c.ShutdownTimeout, 0, 5*time.Minute)
	return errors.Join(p...)
}

// Warnings are what is allowed but should not stay: one line each.
func (c *Config) Warnings() []string {
	var w []string
	if c.Auth.Publish == "open" {
		w = append(w, "auth.publish is open: anyone who reaches this server can publish")
	}
	if len(c.Hook.URLs) > 0 && c.Hook.Key == "" {
		w = append(w, "hook.key is empty: receivers of stream events cannot tell who sends them")
	}
	for _, name := range c.env {
		w = append(w, "environment variable "+name+" is no key of weir and has no effect")
	}
	return w
}

// problems are the wrong keys found so far.
type problems []error

func (p *problems) add(key string, value any, allowed string) {
	*p = append(*p, fmt.Errorf("%s is %q: must be %s", key, fmt.Sprint(value), allowed))
}

func (p *problems) listeners(c *Config) {
	p.address("http.listen", c.HTTP.Listen)
	p.address("webrtc.listen", c.WebRTC.Listen)
	p.address("admin.listen", c.Admin.Listen)
	p.pair("http.tls", c.HTTP.TLS)
	p.rtmp(c)
	for _, o := range c.HTTP.Origins {
		if !isOrigin(o) {
			p.add("http.origins", o, "an origin such as https://www.example.com")
		}
	}
	if u := c.HTTP.PublicURL; u != "" && !isOrigin(u) {
		p.add("http.public_url", u, "empty, or where the server is reached, such as https://live.example.com")
	}
	for _, n := range c.Outgoing.Allow {
		if _, err := netip.ParsePrefix(n); err != nil {
			p.add("outgoing.allow", n, "a network such as 10.0.0.0/8 or 127.0.0.1/32")
		}
	}
	for _, n := range c.HTTP.TrustedProxies {
		if _, err := netip.ParsePrefix(n); err != nil {
			p.add("http.trusted_proxies", n, "a network such as 10.0.0.0/8 or 127.0.0.1/32")
		}
	}
	for _, ip := range c.WebRTC.PublicIPs {
		if a, err := netip.ParseAddr(ip); err != nil || a.IsUnspecified() || a.Zone() != "" {
			p.add("webrtc.public_ips", ip, "an IP address such as 203.0.113.7")
		}
	}
	for _, item := range c.WebRTC.Interfaces {
		if !isInterface(strings.TrimPrefix(item, "!")) {
			p.add("webrtc.interfaces", item, "an interface such as eth0 or a network such as 10.0.0.0/8, with a ! before it to leave it out")
		}
	}
	p.iceServers(&c.WebRTC)
	between(p, "webrtc.start_bitrate", c.WebRTC.StartBitrate, 100, 100_000)
}

func (p *problems) rtmp(c *Config) {
	p.pair("rtmp.tls", c.RTMP.TLS)
	if c.RTMP.Listen != "" {
		p.address("rtmp.listen", c.RTMP.Listen)
	}
	if c.RTMP.TLSListen != "" {
		p.address("rtmp.tls_listen", c.RTMP.TLSListen)
		if c.RTMP.TLS.Cert == "" && c.HTTP.TLS.Cert == "" {
			p.add("rtmp.tls_listen", c.RTMP.TLSListen, "empty, or there must be a certificate in rtmp.tls or http.tls")
		}
	}
	between(p, "rtmp.max_connections", c.RTMP.MaxConnections, 1, 100_000)
	between(p, "rtmp.max_per_address", c.RTMP.MaxPerAddress, 1, 100_000)
}

// pair checks that a certificate has both of its files.
func (p *problems) pair(key string, t TLS) {
	if (t.Cert == "") != (t.Key == "") {
		p.add(key+".cert", t.Cert, "set together with "+key+".key, or both empty")
	}
}

func (p *problems) iceServers(c *WebRTC) {
	for _, url := range c.ICEServers {
		switch {
		case !iceServer.MatchString(url):
			p.add("webrtc.ice_servers", url, "a URL such as stun:stun.example.com or turn:turn.example.com:3478?transport=udp")
		case strings.HasPrefix(url, "turn") && c.TURNSecret == "":
			p.add("webrtc.ice_servers", url, "without TURN servers while webrtc.turn_secret is empty")
		}
	}
	between(p, "webrtc.turn_ttl", c.TURNTTL, time.Minute, 24*time.Hour)
}

func (p *problems) ingest(c *Ingest) {
	between(p, "ingest.grace", c.Grace, 0, 10*time.Minute)
	// A publisher that vanishes is promised to be seen within five seconds.
	between(p, "ingest.timeout", c.Timeout, 500*time.Millisecond, 4900*time.Millisecond)
	between(p, "ingest.track_wait", c.TrackWait, 0, 10*time.Second)
	between(p, "ingest.reorder", c.Reorder, 10*time.Millisecond, 2*time.Second)
	between(p, "ingest.max_streams", c.MaxStreams, 1, 100_000)
	between(p, "ingest.handshake_timeout", c.HandshakeTimeout, time.Second, time.Minute)
	p.oneOf("ingest.policy", c.Policy, "resume", "replace", "reject")
	if len(c.Codecs) == 0 {
		p.add("ingest.codecs", "", "a list of h264, h265, av1, vp9")
	}
	for _, codec := range c.Codecs {
		p.oneOf("ingest.codecs", codec, "h264", "h265", "av1", "vp9")
	}
}

func (p *problems) outputs(c *Config) {
	between(p, "live.ring_time", c.Live.RingTime, time.Second, 5*time.Minute)
	between(p, "live.ring_bytes", c.Live.RingBytes, 1<<20, 1<<30)
	between(p, "live.fresh", c.Live.Fresh, 0, time.Minute)
	between(p, "live.max_lags", c.Live.MaxLags, 1, 1000)
	between(p, "playback.wait", c.Playback.Wait, 0, 5*time.Minute)
	between(p, "playback.max_waiting", c.Playback.MaxWaiting, 0, 1_000_000)
	between(p, "flv.join", c.FLV.Join, 0, time.Second)
	between(p, "flv.join_max", c.FLV.JoinMax, c.FLV.Join, 2*time.Second)
	between(p, "flv.max_age", c.FLV.MaxAge, time.Second, time.Minute)
	between(p, "flv.write_timeout", c.FLV.WriteTimeout, time.Second, 5*time.Minute)
	between(p, "webrtc.max_viewers", c.WebRTC.MaxViewers, 1, 1_000_000)
	between(p, "webrtc.max_connecting_per_address", c.WebRTC.MaxConnecting, 1, 1_000_000)
	between(p, "flv.max_viewers", c.FLV.MaxViewers, 1, 10_000_000)
	between(p, "hls.segment", c.HLS.Segment, time.Second, 10*time.Second)
	between(p, "hls.part", c.HLS.Part, 100*time.Millisecond, c.HLS.Segment/2)
	between(p, "hls.window", c.HLS.Window, 3, 100)
	between(p, "hls.idle", c.HLS.Idle, 5*time.Second, time.Hour)
	between(p, "hls.linger", c.HLS.Linger, 0, 10*time.Minute)
	p.oneOf("hls.audio", c.HLS.Audio, "opus", "aac")
	// Packaging starts at a key frame that the ring holds, and those come once a segment.
	if c.Live.RingTime < 2*c.HLS.Segment {
		p.add("live.ring_time", c.Live.RingTime, fmt.Sprintf("at least twice hls.segment, which is %v", c.HLS.Segment))
	}
}

func (p *problems) auth(c *Auth) {
	between(p, "auth.app_id", c.AppID, 1, 1<<32-1)
	if c.Key != "" && len(c.Key) < minKey {
		p.add("auth.key", c.Key, fmt.Sprintf("at least %d bytes long, or empty", minKey))
	}
	for _, user := range c.Admins {
		if !userID.MatchString(user) {
			p.add("auth.admins", user, "a user id: 1 to 32 of A-Z a-z 0-9 _ -")
		}
	}
	p.oneOf("auth.publish", c.Publish, "usersig", "open")
	p.oneOf("auth.play", c.Play, "open", "signed")
	p.keys(&c.Keys)
	p.apps(c)
	for _, d := range c.Dialects {
		p.oneOf("auth.dialects", d, "weir", "tencent", "alibaba")
	}
	if !slices.Contains(c.Dialects, "weir") {
		p.add("auth.dialects", strings.Join(c.Dialects, ","), "a list with weir in it: HLS playlists sign by it what they name")
	}
}

func (p *problems) hooks(c *Config) {
	if u := c.IM.CallbackURL; u != "" && !isReceiver(string(u)) {
		p.add("im.callback_url", u, "an address such as https://app.example.com/imcallback, or empty")
	}
	for _, name := range c.IM.Callbacks {
		if !slices.Contains(callbacks, name) {
			p.add("im.callbacks", name, "a callback of docs/callbacks.md, such as Group.CallbackBeforeSendMsg")
		}
	}
	for _, u := range c.Hook.URLs {
		form, rest, found := strings.Cut(string(u), "=")
		if !found || strings.Contains(form, ":") {
			form, rest = "weir", string(u)
		}
		if !slices.Contains([]string{"weir", "css", "srs"}, form) || !isReceiver(rest) {
			p.add("hook.urls", u, "an address such as https://app.example.com/events, or FORM=ADDRESS with the form weir, css or srs")
		}
	}
	if c.Hook.Key != "" && len(c.Hook.Key) < minAddressKey {
		p.add("hook.key", c.Hook.Key, fmt.Sprintf("at least %d bytes long, or empty", minAddressKey))
	}
	for _, what := range c.Hook.Ask {
		p.oneOf("hook.ask", what, "publish", "play", "forward")
	}
	if c.Hook.Server == "" {
		p.add("hook.server", c.Hook.Server, "a name")
	}
	between(p, "hook.timeout", c.Hook.Timeout, 100*time.Millisecond, time.Minute)
	between(p, "hook.max_age", c.Hook.MaxAge, time.Minute, 30*24*time.Hour)
}

// callbacks are the names that im.callbacks takes: those of room/hook, as a test of cmd/weir sees to.
var callbacks = []string{
	"Group.CallbackBeforeSendMsg", "Group.CallbackAfterSendMsg", "Group.CallbackSendMsgException",
	"Group.CallbackBeforeApplyJoinGroup", "Group.CallbackBeforeInviteJoinGroup", "Group.CallbackAfterNewMemberJoin",
	"Group.CallbackAfterMemberExit", "Group.CallbackOnMemberStateChange", "Group.CallbackBeforeCreateGroup",
	"Group.CallbackAfterCreateGroup", "Group.CallbackAfterGroupInfoChanged", "Group.CallbackAfterGroupDestroyed",
	"Group.CallbackAfterGroupFull", "C2C.CallbackBeforeSendMsg", "C2C.CallbackAfterSendMsg", "C2C.CallbackAfterMsgReport",
	"C2C.CallbackAfterMsgWithDraw", "State.StateChange",
}

// isReceiver tells whether callbacks can be sent to an address.
func isReceiver(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// maxApps is how many apps there may be, the default one and those made at run time among them.
const maxApps = 100

func (p *problems) apps(c *Auth) {
	if len(c.Apps) >= maxApps {
		p.add("auth.apps", len(c.Apps), fmt.Sprintf("fewer than %d apps", maxApps))
	}
	ids, keys := map[int]bool{c.AppID: true}, map[Secret]bool{c.Key: true}
	for i, app := range c.Apps {
		name := fmt.Sprintf("auth.apps[%d]", i)
		between(p, name+".id", app.ID, 1, 1<<32-1)
		if ids[app.ID] {
			p.add(name+".id", app.ID, "the id of no other app")
		}
		switch {
		case len(app.Key) < minKey:
			p.add(name+".key", app.Key, fmt.Sprintf("at least %d bytes long", minKey))
		case keys[app.Key]: // an address of one app would open the other one's streams
			p.add(name+".key", app.Key, "the key of no other app")
		}
		ids[app.ID], keys[app.Key] = true, true
		for _, user := range app.Admins {
			if !userID.MatchString(user) {
				p.add(name+".admins", user, "a user id: 1 to 32 of A-Z a-z 0-9 _ -")
			}
		}
		p.relayAuto(name+".autorelay", &app.Auto)
	}
}

// minAddressKey is the shortest key for addresses, in bytes: clouds give keys of 16 to 32 letters.
const minAddressKey = 16

func (p *problems) im(c *IM) {
	p.oneOf("im.words", c.Words, "refuse", "mask")
	between(p, "im.window", c.Window, 50*time.Millisecond, time.Second)
	between(p, "im.rate", c.Rate, 1, 10_000)
	between(p, "im.recent", c.Recent, 0, c.History)
	between(p, "im.history", c.History, 1, 10_000)
	between(p, "im.history_time", c.HistoryTime, time.Second, time.Hour)
	between(p, "im.grace", c.Grace, time.Second, 10*time.Minute)
	between(p, "im.queue", c.Queue, 32<<10, 64<<20)
	between(p, "im.max_connections", c.MaxConnections, 1, 10_000_000)
	if u := string(c.Redis); u != "" && !redisURL.MatchString(u) {
		p.add("im.redis", c.Redis, "redis://, rediss:// or unix:// and an address, or empty")
	}
	between(p, "im.seats", c.Seats, 1, 100)
	between(p, "im.seat_wait", c.SeatWait, time.Second, 10*time.Minute)
	between(p, "im.rest_rate", c.RESTRate, 1, 1_000_000)
	for _, rate := range c.RESTRates {
		if !restRate.MatchString(rate) {
			p.add("im.rest_rates", rate, "SERVICE/COMMAND=N, N from 0 to 999999")
		}
	}
}

func (p *problems) keys(c *Keys) {
	for _, k := range []struct {
		name            string
		primary, backup Secret
	}{{"play", c.Play, c.PlayBackup}, {"publish", c.Publish, c.PublishBackup}} {
		for suffix, key := range map[string]Secret{"": k.primary, "_backup": k.backup} {
			if key != "" && len(key) < minAddressKey {
				p.add("auth.keys."+k.name+suffix, key, fmt.Sprintf("at least %d bytes long, or empty", minAddressKey))
			}
		}
		if k.backup != "" && k.backup == k.primary {
			p.add("auth.keys."+k.name+"_backup", k.backup, "another key than auth.keys."+k.name)
		}
	}
	// A viewer's address would open publishing, too: the clouds' dialects do not sign the action.
	for _, play := range []Secret{c.Play, c.PlayBackup} {
		if play != "" && (play == c.Publish || play == c.PublishBackup) {
			p.add("auth.keys.play", play, "another key than those for publishing")
		}
	}
}

// address checks host:port, where the host may be empty and the port may be 0 for any free one.
func (p *problems) address(key, value string) {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		p.add(key, value, "an address such as :8080 or 127.0.0.1:8080")
	}
}

func (p *problems) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		text := strings.Join(allowed, " or ")
		if allowed[0] == "" {
			text = "empty" + text
		}
		p.add(key, value, text)
	}
}

func between[T int | Size | time.Duration](p *problems, key string, value, low, high T) {
	if value < low || value > high {
		p.add(key, value, fmt.Sprintf("from %v to %v", low, high))
	}
}

// isInterface tells whether s names an interface or a network.
func isInterface(s string) bool {
	if strings.Contains(s, "/") {
		_, err := netip.ParsePrefix(s)
		return err == nil
	}
	return s != "" && !strings.ContainsAny(s, "! ")
}

// isOrigin tells whether s is written as a browser sends it in the Origin header (RFC 6454 6.2).
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		s == u.Scheme+"://"+u.Host && s == strings.ToLower(s)
}
