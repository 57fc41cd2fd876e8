package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"weir/cdnrelay/address/rest"
	"weir/cdnrelay/admin"
	"weir/cdnrelay/auto"
	"weir/cdnrelay/edge"
	"weir/cdnrelay/origin"
	"weir/cdnrelay/pull"
	"weir/cdnrelay/push"
	"weir/cdnrelay/record"
	"weir/config"
	"weir/ingest/rtmp"
	"weir/ingest/whip"
	"weir/mux/av"
	"weir/mux/transcode"
	"weir/playback/httpflv"
	"weir/playback/whep"
	"weir/room"
	"weir/room/api"
	"weir/room/apps"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/images"
	"weir/room/live"
	"weir/room/store"
	"weir/rtc"
	"weir/rtc/signaling"
	"weir/segmenter"
	"weir/web"
)

// feedIdle is how long a derived form (AAC, FLV tags) is made after its last reader left: long enough for a player
// that reconnects, too short to matter.
const feedIdle = 10 * time.Second

// maxSeen is how many viewers are remembered who have no connection that lasts: about 100 bytes each.
const maxSeen = 1 << 18

// maxSubscribers is how many may listen to what happens in rooms.
const maxSubscribers = 10_000

// server is all of weir, made by wire.
type server struct {
	cfg *config.Config
	log *slog.Logger

	hub           *live.Registry
	audience      *audience.Audience
	uses          *store.Uses
	store         *store.Store
	apps          *apps.Apps
	gate          *room.Gate
	namer         *room.Namer
	bridge        *room.Bridge
	sites         *sites
	origin        *origin.Origin
	events        *room.Events
	engine        *rtc.Engine
	whip          *whip.Handler
	rtmp          *rtmp.Server
	whep          *whep.Handler
	flv           *httpflv.Handler
	hls           *segmenter.Segmenters
	edge          *edge.Edge
	chat          *chat
	images        *images.Images
	records       *record.Recorder
	outputs       *pushOutputs
	pushes        *push.Manager
	auto          *auto.Relay
	pulls         *pull.Manager
	public, admin *listener
	rtmpAddr      net.Addr // nil where nothing listens
	rtmpsAddr     net.Addr // nil where nothing listens
	ready         atomic.Bool
}

// wire makes every part, opens the sockets and starts nothing.
func wire(cfg *config.Config, key auth.Secret, log *slog.Logger) (*server, error) {
	s := &server{cfg: cfg, log: log}
	s.uses = store.NewUses(filepath.Join(cfg.DataDir, usesFile), time.Now)
	var err error
	if s.sites, err = newSites(cfg); err != nil {
		return nil, fmt.Errorf("http.trusted_proxies: %w", err)
	}
	if s.origin, err = newOrigin(cfg, s.sites); err != nil {
		return nil, err
	}
	if s.store, err = openStore(cfg, log); err != nil {
		return nil, err
	}
	s.bridge = room.NewBridge(time.Now, log)
	if s.apps, err = loadApps(cfg, key, s.store, s.appDeleted, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	authorizer, err := newAuthorizer(cfg, s.apps, s.uses)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.chat, err = newChat(cfg, s.store, s.apps, s.bridge, authorizer, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.images, err = newImages(cfg, visitors{auth: authorizer, apps: s.apps}, s.sites, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.gate = room.NewGate(authorizer)
	s.gate.Attach(s.chat.rooms, s.chat.hooks)
	s.events = room.NewEvents(maxSubscribers)
	s.hub = live.NewRegistry(live.Options{
		RingBytes: int(cfg.Live.RingBytes), RingTime: cfg.Live.RingTime, Fresh: cfg.Live.Fresh,
		Grace: cfg.Ingest.Grace, TrackWait: cfg.Ingest.TrackWait, FeedIdle: feedIdle,
		MaxStreams: cfg.Ingest.MaxStreams, Wait: cfg.Playback.Wait, MaxWaiting: cfg.Playback.MaxWaiting,
		Changed: func(k live.Key, from, to live.State, reason error) {
			if !edge.LetGo(reason) { // who listens is told of the end where it is one
				s.events.StreamChanged(k, from, to, reason)
			}
			s.bridge.StreamChanged(k, from, to, reason)
		}, Log: log,
	})
	if s.auto, err = newAuto(cfg, s.store, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.namer = room.NewNamer(s.hub, s.auto.On)
	s.gate.Name(s.namer)
	watch := audience.Options{MaxSeen: maxSeen, Changed: func(k live.Key, c audience.Count) {
		s.events.ViewersChanged(k, c)
		s.bridge.ViewersChanged(k, c)
	}}
	if s.chat.hooks.WantsStream(hook.Played) || s.chat.hooks.WantsStream(hook.Stopped) {
		watch.Line = s.bridge.LineChanged
	}
	s.audience = audience.New(watch)
	s.bridge.Attach(room.Parts{
		Hub: s.hub, Rooms: s.chat.rooms, Channel: s.chat.channel, Hooks: s.chat.hooks, Sessions: s.chat.bus,
		Admin: s.apps.Administers, Exists: s.apps.Exists,
		Faults: s.chat.hooks.WantsStream(hook.Abnormal),
	})
	s.records, err = newRecorder(cfg, s.hub, s.store, s.apps, s.chat.hooks, authorizer, s.sites, log)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.pulls, err = newPulls(cfg, s.hub, s.store, s.chat.hooks, s.chat.bus.Owner, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.edge = s.newEdge(cfg)
	if err := s.wireDoors(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.outputs = newPushOutputs(s.engine)
	if s.pushes, err = newPushes(cfg, s.hub, s.store, s.chat.hooks, s.outputs, log, s.auto); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.sites.listening(s.rtmpAddr, s.rtmpsAddr)
	pages, err := newPages(web.FS())
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	mux := newMux(routes(doors{
		pages: pages,
		api: api.New(api.Options{
			Lister: lister{hub: s.hub, audience: s.audience}, Doctor: &doctor{cfg: cfg, engine: s.engine, whip: s.whip},
			Auth: s.gate, URLs: authorizer, Site: s.sites.of, Log: log,
			Hub: s.hub, Audience: s.audience, Events: s.events,
		}),
		manage: s.chat.newManage(authorizer, s.apps, s.bridge, log),
		images: s.images, record: s.records, edge: s.edge, relays: &push.REST{Manager: s.pushes, Auth: authorizer, Problem: api.Problem}, im: s.chat.bus.Handler(), v4: s.chat.v4,
		whip: s.whip, whep: s.whep, flv: s.flv, hls: s.hls, auth: hlsGate{authorizer, origin.NewGate(s.gate.At("hls"))}, hub: s.hub,
		addresses: &rest.Generator{Builder: authorizer, Site: s.sites.of, Now: time.Now},
		auto:      s.auto, pulls: s.pulls, calls: admin.Calls{Auth: authorizer, Problem: api.Problem, Log: log},
		origin: s.origin, health: health{ready: s.ready.Load, hub: s.hub},
	}))
	public := s.sites.restore(publicHandler(s.origin.Domains(mux), cfg.HTTP.Origins, log))
	if err := s.listen(public, adminHandler(s.metrics(), s.ready.Load)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// appDeleted is told that there is an app no longer.
func (s *server) appDeleted(id int) {
	s.bridge.AppDeleted(id)
	s.events.AppDeleted(auth.AppName(id))
	s.images.AppDeleted(id)
	s.records.AppDeleted(id)
	s.pushes.AppDeleted(id)
	s.pulls.AppDeleted(auth.AppName(id))
	s.chat.hooks.Forget(id)
}

// wireDoors makes the doors in and out.
func (s *server) wireDoors() (err error) {
	cfg := s.cfg
	interfaces, err := rtc.ParseAddresses(cfg.WebRTC.Interfaces)
	if err != nil {
		return fmt.Errorf("webrtc.interfaces: %w", err)
	}
	s.engine, err = rtc.NewEngine(rtc.Options{
		Listen: cfg.WebRTC.Listen, PublicIPs: cfg.WebRTC.PublicIPs, Interfaces: interfaces, Logs: rtc.LogTo(s.log),
	})
	if err != nil {
		return err
	}
	policy, err := live.ParsePolicy(cfg.Ingest.Policy)
	if err != nil {
		return fmt.Errorf("ingest.policy: %w", err)
	}
	codecs, err := parseCodecs(cfg.Ingest.Codecs)
	if err != nil {
		return fmt.Errorf("ingest.codecs: %w", err)
	}
	s.whip = whip.NewHandler(whip.Options{
		Engine: s.engine, Auth: s.gate.At("whip"), Hub: s.namer, Policy: policy, Codecs: codecs,
		StartBitrate: cfg.WebRTC.StartBitrate, Reorder: cfg.Ingest.Reorder, Timeout: cfg.Ingest.Timeout,
		Handshake: cfg.Ingest.HandshakeTimeout, MaxConnecting: cfg.WebRTC.MaxConnecting,
		ICEServers: iceServers(cfg), Problem: api.Problem, Log: s.log,
	})
	if err := s.wireRTMP(policy, codecs); err != nil {
		return err
	}
	s.flv = httpflv.NewHandler(httpflv.Options{
		Auth: origin.NewGate(s.gate.At("flv")), Hub: s.hub, Audience: s.audience, Encoder: maker(), Join: cfg.FLV.Join, MaxJoin: cfg.FLV.JoinMax,
		MaxAge: cfg.FLV.MaxAge, WriteTimeout: cfg.FLV.WriteTimeout,
		MaxLags: cfg.Live.MaxLags, MaxViewers: cfg.FLV.MaxViewers, Patience: cfg.Ingest.HandshakeTimeout,
		Problem: api.Problem, Log: s.log,
	})
	s.whep = whep.NewHandler(whep.Options{
		Engine: s.engine, Auth: s.gate.At("webrtc"), Hub: s.hub, Audience: s.audience,
		MaxViewers: cfg.WebRTC.MaxViewers, MaxConnecting: cfg.WebRTC.MaxConnecting,
		MaxLags: cfg.Live.MaxLags, Handshake: cfg.Ingest.HandshakeTimeout,
		ICEServers: iceServers(cfg), Problem: api.Problem, Log: s.log,
	})
	audio, _ := av.ParseCodec(cfg.HLS.Audio) // config has checked the name
	if audio == av.CodecAAC && !transcode.Available() {
		return fmt.Errorf("hls.audio: %w", transcode.ErrNoEncoder)
	}
	s.hls = segmenter.New(s.hub, segmenter.Options{
		Segment: cfg.HLS.Segment, Part: cfg.HLS.Part, Window: cfg.HLS.Window, Idle: cfg.HLS.Idle,
		Linger: cfg.HLS.Linger, Audio: audio, Sessions: cfg.HLS.Sessions,
		Signed: cfg.Auth.Play == playSigned, Audience: s.audience, Problem: api.Problem, Log: s.log, Elsewhere: s.edge,
	})
	return nil
}

// iceServers are the STUN and TURN servers that clients are told of.
func iceServers(cfg *config.Config) signaling.ICEServers {
	return signaling.ICEServers{
		URLs: cfg.WebRTC.ICEServers, Secret: auth.Secret(cfg.WebRTC.TURNSecret), TTL: cfg.WebRTC.TURNTTL,
	}
}

// wireRTMP makes the door for RTMP and opens its sockets.
func (s *server) wireRTMP(policy live.Policy, codecs []av.Codec) error {
	cfg := s.cfg
	s.rtmp = rtmp.NewServer(rtmp.Options{
		Auth: s.gate.At("rtmp"), Hub: s.namer, Policy: policy, Codecs: codecs,
		Timeout: cfg.Ingest.Timeout, Handshake: cfg.Ingest.HandshakeTimeout,
		MaxConns: cfg.RTMP.MaxConnections, MaxPerAddress: cfg.RTMP.MaxPerAddress, Log: s.log,
	})
	var err error
	if cfg.RTMP.Listen != "" {
		if s.rtmpAddr, err = s.rtmp.Listen(cfg.RTMP.Listen, nil); err != nil {
			return err
		}
	}
	if cfg.RTMP.TLSListen == "" {
		return nil
	}
	name, files := "rtmp.tls", cfg.RTMP.TLS
	if files.Cert == "" {
		name, files = "http.tls", cfg.HTTP.TLS
	}
	certs, err := loadCertificates(name, files, nil, s.log)
	if err != nil {
		return err
	}
	s.rtmpsAddr, err = s.rtmp.Listen(cfg.RTMP.TLSListen, certs.secure())
	return err
}

// parseCodecs reads the video codecs that publishers may use.
func parseCodecs(names []string) ([]av.Codec, error) {
	var out []av.Codec
	for _, n := range names {
		c, ok := av.ParseCodec(n)
		if !ok || !whip.Carries(c) {
			return nil, fmt.Errorf("%q is not a video codec that can be taken in", n)
		}
		out = append(out, c)
	}
	return out, nil
}

// metrics is what /metrics shows.
func (s *server) metrics() *prometheus.Registry {
	m := prometheus.NewRegistry()
	m.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		s.hub.Stats(), s.whip.Stats(), s.rtmp.Stats(), s.whep.Stats(), s.flv.Stats(), s.hls.Stats(), s.edge.Stats(), s.audience, s.events, s.bridge, s.origin)
	m.MustRegister(s.chat.stats()...)
	m.MustRegister(s.images.Stats(), s.records.Stats(), s.pushes.Stats(), s.outputs.whip.Stats(), s.pulls.Stats())
	return m
}

// usesFile is what of data_dir remembers which addresses for one use were used.
const usesFile = "address-uses"

// newAuthorizer decides on requests to the apps as the configuration says. Without uses it takes no address for one use.
func newAuthorizer(cfg *config.Config, known *apps.Apps, uses auth.Uses) (*auth.Authorizer, error) {
	own, _ := known.App(known.Default()) // it is always there
	o := auth.Options{
		App: *own, Apps: known, Publish: publishMode(cfg), PlaySigned: cfg.Auth.Play == playSigned, Uses: uses,
	}
	for _, name := range cfg.Auth.Dialects {
		d, err := auth.ParseDialect(name)
		if err != nil {
			return nil, fmt.Errorf("auth.dialects: %w", err)
		}
		o.Dialects = append(o.Dialects, d)
	}
	return auth.New(o)
}

// playSigned is the auth.play that closes playing.
const playSigned = "signed"

func publishMode(cfg *config.Config) auth.Mode {
	if cfg.Auth.Publish == "open" {
		return auth.PublishOpen
	}
	return auth.PublishUserSig
}

// listen opens the sockets.
func (s *server) listen(public, admin http.Handler) error {
	var secure *tls.Config
	if s.cfg.HTTP.TLS.Cert != "" {
		certs, err := loadCertificates("http.tls", s.cfg.HTTP.TLS, s.cfg.Origin.Domains, s.log)
		if err != nil {
			return err
		}
		secure = certs.secure()
	}
	var err error
	if s.public, err = listen("http", s.cfg.HTTP.Listen, public, secure, s.log); err != nil {
		return err
	}
	s.admin, err = listen("admin", s.cfg.Admin.Listen, admin, nil, s.log)
	return err
}

// close gives back the sockets of a server that never ran.
func (s *server) close() error {
	var errs []error
	for _, l := range []*listener{s.public, s.admin} {
		if l != nil {
			errs = append(errs, l.socket.Close())
		}
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	if s.rtmp != nil {
		errs = append(errs, s.rtmp.Close())
	}
	if s.records != nil {
		errs = append(errs, s.records.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// Run runs all parts until ctx is done or one of them fails, and then stops in order: no longer ready, messages that
// wait go out, then streams, connections and the main listener end, then what is told of that, the store and the
// operator's listener last.
func (s *server) Run(ctx context.Context) error {
	err := inOrder(ctx,
		[]part{s.chat.channel.Run, s.tellReady},
		[]part{
			s.hub.Run, s.audience.Run, s.events.Run, s.chat.bus.Run, s.apps.Run, s.images.Run, s.records.Run, s.auto.Run, s.pushes.Run, s.pulls.Run,
			s.whip.Run, s.rtmp.Run, s.whep.Run, s.flv.Run, s.hls.Run, s.edge.Run, s.serving(s.public),
		},
		[]part{s.bridge.Run, s.chat.rooms.Run},
		[]part{s.chat.hooks.Run},
		[]part{s.store.Run, s.serving(s.admin)},
	)
	return errors.Join(err, s.engine.Close(), s.records.Close(), s.uses.Close(), s.store.Close())
}

// tellReady says that the server takes requests once the channel does, which is the last to come up, and that it stops.
func (s *server) tellReady(ctx context.Context) error {
	select {
	case <-s.chat.bus.Ready():
		s.ready.Store(true)
		<-ctx.Done()
	case <-ctx.Done():
	}
	s.ready.Store(false)
	s.log.Info("stopping", "within", s.cfg.ShutdownTimeout)
	return nil
}

// serving is a listener as a part: it answers until ctx is done, and then has the shutdown's time for what is under way.
func (s *server) serving(l *listener) part {
	return func(ctx context.Context) error {
		stopped := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(stopped)
			patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownTimeout)
			defer cancel()
			l.shutdown(patience, s.log)
		})
		err := l.serve()
		if !stop() {
			<-stopped
		}
		return err
	}
}
