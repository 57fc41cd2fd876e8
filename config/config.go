// Package config is weir's typed configuration: what can be set, what it is by default, and what is allowed.
//
// A value comes from the defaults, then the file, then the WEIR_* environment, then the flags; the last one
// wins. The package holds no behaviour: cmd/weir reads a Config once and hands every other package its own
// options, so nothing else imports it. It starts no goroutine.
package config

import "time"

// Config is everything that can be set. It is immutable once Load has returned it.
//
// A new key is a field here with its tags, its value in Default, its paragraph in weir.example.yaml and, if
// not every value is allowed, its line in Validate. Tests hold the four together.
type Config struct {
	HTTP            HTTP          `key:"http"`
	WebRTC          WebRTC        `key:"webrtc"`
	RTMP            RTMP          `key:"rtmp"`
	Admin           Admin         `key:"admin"`
	Ingest          Ingest        `key:"ingest"`
	Live            Live          `key:"live"`
	Playback        Playback      `key:"playback"`
	FLV             FLV           `key:"flv"`
	HLS             HLS           `key:"hls"`
	Auth            Auth          `key:"auth"`
	IM              IM            `key:"im"`
	Hook            Hook          `key:"hook"`
	Outgoing        Outgoing      `key:"outgoing"`
	Origin          Origin        `key:"origin"`
	Store           Store         `key:"store"`
	Images          Images        `key:"images"`
	Relay           Relay         `key:"relay"`
	Pull            Pull          `key:"pull"`
	Record          Record        `key:"record"`
	Edge            Edge          `key:"edge"`
	Log             Log           `key:"log"`
	DataDir         string        `key:"data_dir" doc:"folder of what weir keeps, such as the key it makes on its first start"`
	ShutdownTimeout time.Duration `key:"shutdown_timeout" doc:"how long a graceful stop may take"`

	sources map[string]Source
	env     []string
}

// HTTP is the main listener: pages, media, WHIP and REST.
type HTTP struct {
	Listen         string   `key:"listen" doc:"address of the main listener"`
	TLS            TLS      `key:"tls"`
	Origins        []string `key:"origins" doc:"origins whose pages may use this server; empty means any"`
	PublicURL      string   `key:"public_url" doc:"where this server is reached, for the addresses it tells; empty: where the request came"`
	TrustedProxies []string `key:"trusted_proxies" doc:"networks of proxies whose X-Forwarded-For, -Proto and -Host are believed"`
}

// TLS is the certificate of a listener: both files, or neither.
type TLS struct {
	Cert string `key:"cert" doc:"file of the certificate chain (PEM)"`
	Key  string `key:"key" doc:"file of the certificate's private key (PEM)"`
}

// WebRTC is the media listener.
type WebRTC struct {
	Listen       string        `key:"listen" doc:"address of all WebRTC media, UDP and TCP"`
	PublicIPs    []string      `key:"public_ips" doc:"addresses to announce instead of the machine's own"`
	Interfaces   []string      `key:"interfaces" doc:"interfaces and networks to use, or with ! to leave out; empty means all"`
	ICEServers   []string      `key:"ice_servers" doc:"STUN and TURN servers that publishers and viewers are told of"`
	TURNSecret   Secret        `key:"turn_secret" doc:"secret shared with the TURN servers of ice_servers"`
	TURNTTL      time.Duration `key:"turn_ttl" doc:"how long TURN credentials are valid"`
	StartBitrate int           `key:"start_bitrate" doc:"video bitrate at which a publishing browser starts, in kbit/s"`
	MaxViewers   int           `key:"max_viewers" doc:"WebRTC viewers at once"`
	// MaxConnecting holds for viewers and for publishers, each.
	MaxConnecting int `key:"max_connecting_per_address" doc:"WebRTC sessions of one address that may be connecting at once"`
}

// RTMP is where encoders that speak RTMP publish.
type RTMP struct {
	Listen         string `key:"listen" doc:"address of RTMP publishing; empty: none"`
	TLSListen      string `key:"tls_listen" doc:"address of RTMPS publishing; empty: none"`
	TLS            TLS    `key:"tls"`
	MaxConnections int    `key:"max_connections" doc:"RTMP connections at once"`
	MaxPerAddress  int    `key:"max_per_address" doc:"RTMP connections at once from one address"`
}

// Admin is the operator's listener.
type Admin struct {
	Listen string `key:"listen" doc:"address of metrics, health and profiles"`
}

// Ingest is what holds for every publisher.
type Ingest struct {
	Grace            time.Duration `key:"grace" doc:"how long a stream waits for its publisher to come back"`
	Timeout          time.Duration `key:"timeout" doc:"silence after which a publisher counts as gone"`
	TrackWait        time.Duration `key:"track_wait" doc:"how long a starting stream waits for announced tracks"`
	Reorder          time.Duration `key:"reorder" doc:"how long a missing packet is waited for"`
	Codecs           []string      `key:"codecs" doc:"video codecs that are taken, the preferred one first; H.264 always is where it is offered"`
	Policy           string        `key:"policy" doc:"what a second publisher of a stream does: resume, replace or reject"`
	MaxStreams       int           `key:"max_streams" doc:"streams that may be live at once"`
	HandshakeTimeout time.Duration `key:"handshake_timeout" doc:"how long a publisher or a WebRTC viewer may take to connect"`
}

// Live is the hub: the ring of every stream and the fate of its slow readers.
type Live struct {
	RingTime  time.Duration `key:"ring_time" doc:"media that a stream holds at most, by time"`
	RingBytes Size          `key:"ring_bytes" doc:"media that a stream holds at most, by size"`
	Fresh     time.Duration `key:"fresh" doc:"age up to which a joiner starts at the newest key frame"`
	MaxLags   int           `key:"max_lags" doc:"lags within a minute after which a slow reader is closed"`
}

// Playback is what holds for viewers of every form.
type Playback struct {
	Wait       time.Duration `key:"wait" doc:"how long a viewer waits for a publisher who is not there"`
	MaxWaiting int           `key:"max_waiting" doc:"viewers that may wait so at once"`
}

// FLV is the HTTP-FLV output.
type FLV struct {
	Join         time.Duration `key:"join" doc:"how long frames are collected into one write; 0 writes each"`
	JoinMax      time.Duration `key:"join_max" doc:"how far join may grow while the machine has more to do than it can"`
	MaxAge       time.Duration `key:"max_age" doc:"how far behind live a viewer may be when it can skip"`
	WriteTimeout time.Duration `key:"write_timeout" doc:"how long one write to a viewer may take"`
	MaxViewers   int           `key:"max_viewers" doc:"HTTP-FLV viewers at once"`
}

// HLS is the HLS output.
type HLS struct {
	Segment  time.Duration `key:"segment" doc:"length of a segment"`
	Part     time.Duration `key:"part" doc:"length of a part, the unit that segments are made of"`
	Window   int           `key:"window" doc:"segments that a playlist lists"`
	Idle     time.Duration `key:"idle" doc:"time without a request after which a stream is no longer packaged"`
	Linger   time.Duration `key:"linger" doc:"how long the last segments stay after a stream's end"`
	Audio    string        `key:"audio" doc:"audio codec of HLS: opus or aac"`
	Sessions bool          `key:"sessions" doc:"tell viewers apart by an id in the addresses of their playlists"`
}

// Auth says who may publish and administer.
type Auth struct {
	AppID    int      `key:"app_id" doc:"the app's number, SDKAppID in UserSig"`
	Key      Secret   `key:"key" doc:"the app's secret key; empty: made on the first start and kept in data_dir"`
	Admins   []string `key:"admins" doc:"users who may use the administration API"`
	Publish  string   `key:"publish" doc:"who may publish: usersig, or open for a laboratory"`
	Play     string   `key:"play" doc:"who may play: open, or signed for signed addresses and UserSig only"`
	Keys     Keys     `key:"keys"`
	Apps     Apps     `key:"apps" doc:"more apps beside the default one: id, key, admins, name and autorelay of each"`
	Dialects []string `key:"dialects" doc:"dialects of signed addresses that are taken: weir, tencent, alibaba"`
}

// Keys sign addresses. Those that are empty are derived from the app's key; a backup is taken and never used.
type Keys struct {
	Play          Secret `key:"play" doc:"key that signs addresses for playing; empty: derived from auth.key"`
	PlayBackup    Secret `key:"play_backup" doc:"another key whose addresses for playing are taken; empty: none"`
	Publish       Secret `key:"publish" doc:"key that signs addresses for publishing; empty: derived from auth.key"`
	PublishBackup Secret `key:"publish_backup" doc:"another key whose addresses for publishing are taken; empty: none"`
}

// IM is the channel of rooms and accounts.
type IM struct {
	Words     string `key:"words" doc:"what is done with texts that have a word of the lists: refuse or mask"`
	WordsFile string `key:"words_file" doc:"file of the words that no app allows; empty: a short list that is built in"`

	Window         time.Duration `key:"window" doc:"how long a room's messages are collected before those that go are chosen"`
	Rate           int           `key:"rate" doc:"messages that a room has in a second at most"`
	Recent         int           `key:"recent" doc:"windows of messages that who enters a room is given; 0: none"`
	History        int           `key:"history" doc:"windows of messages kept of a room for clients that were away"`
	HistoryTime    time.Duration `key:"history_time" doc:"how long they are kept"`
	Grace          time.Duration `key:"grace" doc:"how long a client that lost its connection stays in its rooms"`
	Queue          Size          `key:"queue" doc:"bytes that wait for a client that reads too slowly, before it is cut"`
	MaxConnections int           `key:"max_connections" doc:"connections to the channel at once"`
	Redis          Secret        `key:"redis" doc:"URL of the Redis that joins several servers; empty: there is one"`

	Seats    int           `key:"seats" doc:"accounts that may publish into a room beside its owner"`
	SeatWait time.Duration `key:"seat_wait" doc:"how long a request for a seat, or an invitation to one, waits for an answer"`

	RESTRate  int      `key:"rest_rate" doc:"how often an app may call each command below /v4 in a second"`
	RESTRates []string `key:"rest_rates" doc:"other rates of single commands, as SERVICE/COMMAND=N"`

	CallbackURL   URL      `key:"callback_url" doc:"receiver of the default app's callbacks; empty: none"`
	CallbackToken Secret   `key:"callback_token" doc:"token that signs callbacks; empty: they are not signed"`
	Callbacks     []string `key:"callbacks" doc:"callbacks that are on; empty means all"`
}

// Hook is who hears of streams.
type Hook struct {
	URLs    URLs          `key:"urls" doc:"receivers of stream events, as FORM=URL with the form weir, css or srs"`
	Key     Secret        `key:"key" doc:"key that signs stream events; empty: they are not signed"`
	Ask     []string      `key:"ask" doc:"what receivers are asked: publish and play, which those of the form srs may refuse; forward, where to push"`
	Server  string        `key:"server" doc:"name of this server in stream events"`
	Timeout time.Duration `key:"timeout" doc:"how long a receiver of events may take to answer"`
	MaxAge  time.Duration `key:"max_age" doc:"how long is tried to deliver an event"`
}

// Outgoing is where the server connects to by itself.
type Outgoing struct {
	Allow []string `key:"allow" doc:"networks beside the public ones that addresses given by API may lead to"`
}

// Log is what weir writes about itself.
type Log struct {
	Level  string `key:"level" doc:"debug, info, warn or error"`
	Format string `key:"format" doc:"text, json, or auto: text on a terminal, JSON elsewhere"`
}

// Default is the configuration of a server that was told nothing.
func Default() *Config {
	return &Config{
		HTTP:   HTTP{Listen: ":8080", Origins: []string{}, TrustedProxies: []string{}},
		WebRTC: WebRTC{Listen: ":8189", PublicIPs: []string{}, Interfaces: []string{}, ICEServers: []string{}, TURNTTL: 6 * time.Hour, StartBitrate: 2000, MaxViewers: 2000, MaxConnecting: 200},
		RTMP:   RTMP{Listen: ":1935", MaxConnections: 1000, MaxPerAddress: 100},
		Admin:  Admin{Listen: "127.0.0.1:9090"},
		Ingest: Ingest{
			Grace:            15 * time.Second,
			Timeout:          4 * time.Second,
			TrackWait:        time.Second,
			Reorder:          200 * time.Millisecond,
			Codecs:           []string{"h264", "h265", "av1", "vp9"},
			Policy:           "resume",
			MaxStreams:       1000,
			HandshakeTimeout: 10 * time.Second,
		},
		Live: Live{
			RingTime:  8 * time.Second,
			RingBytes: 16 << 20,
			Fresh:     2500 * time.Millisecond,
			MaxLags:   3,
		},
		Playback: Playback{
			Wait:       10 * time.Second,
			MaxWaiting: 10000,
		},
		FLV: FLV{
			Join:         100 * time.Millisecond,
			JoinMax:      500 * time.Millisecond,
			MaxAge:       3 * time.Second,
			WriteTimeout: 10 * time.Second,
			MaxViewers:   10000,
		},
		HLS: HLS{
			Segment: 2 * time.Second,
			Part:    200 * time.Millisecond,
			Window:  6,
			Idle:    time.Minute,
			Linger:  30 * time.Second,
			Audio:   "opus",
		},
		Auth: Auth{
			AppID:    1400000000,
			Admins:   []string{"administrator"},
			Publish:  "usersig",
			Play:     "open",
			Apps:     Apps{},
			Dialects: []string{"weir", "tencent", "alibaba"},
		},
		IM: IM{
			Words: "refuse", RESTRate: 200, RESTRates: []string{}, Callbacks: []string{},
			Window: 250 * time.Millisecond, Rate: 40, History: 100, HistoryTime: time.Minute, Grace: 30 * time.Second,
			Queue: 256 << 10, MaxConnections: 100_000, Seats: 9, SeatWait: time.Minute,
		},
		Hook:     Hook{URLs: URLs{}, Ask: []string{}, Server: "weir", Timeout: 5 * time.Second, MaxAge: 24 * time.Hour},
		Outgoing: Outgoing{Allow: []string{}},
		Origin:   Origin{Domains: Domains{}, Pullers: Pullers{}},
		Images:   Images{S3: S3{Region: "us-east-1"}, MaxBytes: 10 << 30, Keep: 30 * 24 * time.Hour},
		Relay: Relay{
			Rules: RelayRules{}, ConnectTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxLag: 5 * time.Second,
			Retry: time.Second, RetryMax: 15 * time.Second, GiveUp: 6 * time.Hour, SignedFor: time.Hour,
			MaxRelays: 1000, MaxPerStream: 20, MaxDestinations: 1000, MaxPerApp: 500,
		},
		Pull: Pull{
			Sources: PullSources{}, Timeout: 10 * time.Second, Idle: 30 * time.Second, Retry: time.Second, RetryMax: 15 * time.Second,
			MaxPulls: 1000, MaxStreams: 1000, MaxPerApp: 500,
		},
		Edge: Edge{Origins: []string{}, Idle: 10 * time.Second, CacheBytes: 256 << 20},
		Record: Record{
			Rules: RecordRules{}, Split: time.Hour, SplitBytes: 4 << 30, Fragment: time.Second, Sync: 5 * time.Second,
			MaxRecordings: 1000, S3: S3{Region: "us-east-1"},
		},
		Log:             Log{Level: "info", Format: "auto"},
		DataDir:         "data",
		ShutdownTimeout: 10 * time.Second,
	}
}
