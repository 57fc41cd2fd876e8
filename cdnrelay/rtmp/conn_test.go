package rtmp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/mux/rtmp"
	"weir/room/dial"
)

// media are messages of the sizes at which chunks begin and end.
func media() (all []rtmp.Message) {
	for i, n := range []int{0, 1, 127, 128, 129, outChunk - 1, outChunk, outChunk + 1, 3*outChunk + 7} {
		typ := byte(rtmp.TypeVideo)
		if i%2 == 1 {
			typ = rtmp.TypeAudio
		}
		all = append(all, rtmp.Message{Type: typ, Time: 0xfffff0 + uint32(i)*5, Body: bytes.Repeat([]byte{byte(i)}, n)})
	}
	return all
}

// TestPublish: what is written arrives, whole and in order, before the goodbye.
func TestPublish(t *testing.T) {
	cert, pool := certificate(t)
	for name, secure := range map[string]*tls.Config{"RTMP": nil, "RTMPS": {Certificates: []tls.Certificate{cert}}} {
		t.Run(name, func(t *testing.T) {
			type result struct {
				got   []rtmp.Message
				asked []rtmp.Command
			}
			results := make(chan result, 1)
			s := serve(t, secure, func(p *peer) {
				if err := p.published(); err != nil {
					t.Error(err)
					return
				}
				var r result
				for {
					m, err := p.in.Next()
					if err != nil {
						r.asked = p.asked
						results <- r
						return
					}
					if m.Type == rtmp.TypeCommand {
						cmd, _ := rtmp.ParseCommand(m)
						p.asked = append(p.asked, cmd)
						continue
					}
					r.got = append(r.got, m)
				}
			})
			o := s.options()
			if secure != nil {
				o.URL = strings.Replace(o.URL, "rtmp:", "rtmps:", 1)
				o.TLS = &tls.Config{RootCAs: pool}
			}
			c, err := publish(within(t), o)
			if err != nil {
				t.Fatal(err)
			}
			end := watch(c)
			want := media()
			size := 0
			for i := 0; i < len(want); i += 4 {
				n, err := c.Write(want[i:min(i+4, len(want))]...)
				if err != nil {
					t.Fatal(err)
				}
				size += n
			}
			c.Close(within(t))
			if err := end(); !errors.Is(err, ErrClosed) {
				t.Errorf("Watch ended with %v", err)
			}
			r := <-results
			wire := 0
			for i := range want {
				want[i].Stream = 1
				wire += len(rtmp.AppendMessage(nil, want[i], outChunk))
				if i < len(r.got) && len(want[i].Body) == 0 {
					r.got[i].Body = want[i].Body
				}
			}
			if !reflect.DeepEqual(r.got, want) {
				t.Errorf("%d messages arrived of %d", len(r.got), len(want))
			}
			if size != wire {
				t.Errorf("%d bytes are said to be written, of %d", size, wire)
			}
			var names []string
			for _, cmd := range r.asked {
				names = append(names, cmd.Name)
			}
			if !slices.Equal(names, []string{"connect", "releaseStream", "FCPublish", "createStream", "publish", "FCUnpublish", "deleteStream"}) {
				t.Errorf("asked for %v", names)
			}
			app, tcURL := r.asked[0].Object["app"], r.asked[0].Object["tcUrl"]
			key := r.asked[4].Text(0)
			if app != "live" || tcURL != strings.Split(o.URL, ":")[0]+"://"+s.addr+"/live" || key != "secretkey?sign=secretsign" {
				t.Errorf("app %v, tcUrl %v, name %q", app, tcURL, key)
			}
		})
	}
}

// TestPlay: what a server sends is read, also out of an aggregate, until the server says that it is over.
func TestPlay(t *testing.T) {
	s := serve(t, nil, func(p *peer) {
		if p.connected() != nil {
			return
		}
		cmd, err := p.command("play")
		if err != nil || cmd.Text(0) != "secretkey?sign=secretsign" {
			t.Errorf("%+v, %v", cmd, err)
		}
		p.send(rtmp.Control(rtmp.EventBegin, 0, 0, 0, 1))
		p.status("status", "NetStream.Play.Reset", "")
		p.status("status", "NetStream.Play.Start", "")
		p.send(rtmp.Control(rtmp.EventPing, 1, 2, 3, 4))
		p.send(rtmp.Message{Type: rtmp.TypeData, Stream: 1, Body: []byte("script")})
		p.send(rtmp.Message{Type: rtmp.TypeVideo, Stream: 1, Time: 40, Body: bytes.Repeat([]byte("v"), 100_000)})
		tag := append([]byte{8, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0}, 'a', 0, 0, 0, 12)
		p.send(rtmp.Message{Type: rtmp.TypeAggregate, Stream: 1, Time: 60, Body: append(tag, tag...)})
		for { // 7.1.7: a ping is answered
			m, err := p.in.Next()
			if err != nil {
				t.Errorf("no pong: %v", err)
				return
			}
			if m.Type == rtmp.TypeControl && binary.BigEndian.Uint16(m.Body) == rtmp.EventPong {
				break
			}
		}
		p.status("status", "NetStream.Play.UnpublishNotify", "")
	})
	o := s.options()
	o.Silence = patience
	c, err := Dial(within(t), o)
	if err == nil {
		err = c.Play(within(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(within(t))
	for i, want := range []rtmp.Message{
		{Type: rtmp.TypeData, Stream: 1, Body: []byte("script")},
		{Type: rtmp.TypeVideo, Stream: 1, Time: 40, Body: bytes.Repeat([]byte("v"), 100_000)},
		{Type: rtmp.TypeAudio, Stream: 1, Time: 60, Body: []byte("a")},
		{Type: rtmp.TypeAudio, Stream: 1, Time: 60, Body: []byte("a")},
	} {
		if m, err := c.Read(); err != nil || !reflect.DeepEqual(m, want) {
			t.Fatalf("message %d: type %d, %d bytes, %v", i, m.Type, len(m.Body), err)
		}
	}
	if _, err := c.Read(); !errors.Is(err, ErrOver) {
		t.Errorf("got %v, want %v", err, ErrOver)
	}
}

// TestEndsOfPlaying: why nothing more can be read.
func TestEndsOfPlaying(t *testing.T) {
	for name, tc := range map[string]struct {
		say  func(p *peer)
		want error
	}{
		"7.1.7 end of the stream":  {func(p *peer) { p.send(rtmp.Control(rtmp.EventEOF, 0, 0, 0, 1)) }, ErrOver},
		"stopped":                  {func(p *peer) { p.status("status", "NetStream.Play.Stop", "") }, ErrOver},
		"failed":                   {func(p *peer) { p.status("error", "NetStream.Play.Failed", "no secretkey\n") }, ErrRefused},
		"closed":                   {func(p *peer) { _ = p.Close() }, ErrClosed},
		"silent":                   {func(p *peer) { _, _ = p.in.Next() }, ErrTimeout},
		"a message of 16 MiB":      {func(p *peer) { _, _ = p.Write([]byte{6, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0}) }, ErrProtocol},
		"an aggregate cut short":   {func(p *peer) { p.send(rtmp.Message{Type: rtmp.TypeAggregate, Body: []byte{9, 0, 0}}) }, ErrProtocol},
		"a command that is none":   {func(p *peer) { p.send(rtmp.Message{Type: rtmp.TypeCommand, Body: []byte{99}}) }, ErrProtocol},
		"BAD-07 a chunk size of 0": {func(p *peer) { p.send(rtmp.Number(rtmp.TypeChunkSize, 0)) }, ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, func(p *peer) {
				if p.connected() != nil {
					return
				}
				_, _ = p.command("play")
				p.status("status", "NetStream.Play.Start", "")
				tc.say(p)
				for { // until the client goes
					if _, err := p.in.Next(); err != nil {
						return
					}
				}
			})
			o := s.options()
			o.Silence = patience
			if errors.Is(tc.want, ErrTimeout) {
				o.Silence = 300 * time.Millisecond
			}
			c, err := Dial(within(t), o)
			if err == nil {
				err = c.Play(within(t))
			}
			if err == nil {
				defer c.Close(within(t))
				_, err = c.Read()
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			unsecret(t, err)
		})
	}
}

// TestRefused: a server's reason is told, without what is secret.
func TestRefused(t *testing.T) {
	for name, talk := range map[string]func(p *peer){
		"to connect": func(p *peer) {
			if p.greet() == nil {
				cmd, _ := p.command("connect")
				p.send(rtmp.NewCommand(0, "_error", cmd.Transaction, nil, []rtmp.Property{
					rtmp.Prop("level", "error"), rtmp.Prop("code", "NetConnection.Connect.Rejected"), rtmp.Prop("description", "reason given"),
				}))
			}
		},
		"a message stream": func(p *peer) {
			if p.greet() == nil && p.result("connect") == nil {
				cmd, _ := p.command("createStream")
				p.send(rtmp.NewCommand(0, "_error", cmd.Transaction, []rtmp.Property{rtmp.Prop("description", "reason given")}))
			}
		},
		"to publish": func(p *peer) {
			if p.connected() == nil {
				_, _ = p.command("publish")
				p.status("error", "NetStream.Publish.BadName", "reason given: live/secretkey?sign=secretsign\r\n\x1b[1m is taken"+strings.Repeat("!", 1000))
			}
		},
		"later on": func(p *peer) {
			if p.published() == nil {
				p.status("error", "NetStream.Publish.Rejected", "reason given, secretkey")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, func(p *peer) {
				talk(p)
				for {
					if _, err := p.in.Next(); err != nil {
						return
					}
				}
			})
			c, err := publish(within(t), s.options())
			if err == nil {
				err = c.Watch()
				c.Close(within(t))
			}
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "reason given") {
				t.Fatalf("got %v", err)
			}
			unsecret(t, err)
		})
	}
}

// TestSaid: servers repeat what is secret in other ways than it was written.
func TestSaid(t *testing.T) {
	at, err := parseTarget("rtmp://user:secretpass@cdn.example/app/secret%2Fkey?txSecret=secretsign&n=1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := at.said("1 app/secret/key, secret secretsign, secretpass"), "1 app/***, secret ***, ***"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestAddresses(t *testing.T) {
	for _, tc := range []struct{ url, dial, server, app, name string }{
		{"rtmp://cdn.example/app/key", "cdn.example:1935", "rtmp://cdn.example", "app", "key"},
		{"rtmp://cdn.example:19350/live/room/stream?usersig=x", "cdn.example:19350", "rtmp://cdn.example:19350", "live/room", "stream?usersig=x"},
		{"rtmps://user:pass@[2001:db8::1]/app/key", "[2001:db8::1]:443", "rtmps://[2001:db8::1]", "app", "key"},
		{"rtmp://cdn.example/live/a%2Fb%20c", "cdn.example:1935", "rtmp://cdn.example", "live", "a%2Fb%20c"},
	} {
		got, err := parseTarget(tc.url)
		if err != nil || got.dial != tc.dial || got.server != tc.server || got.app != tc.app || got.name != tc.name {
			t.Errorf("%s: got %+v, %v", tc.url, got, err)
		}
	}
	for _, bad := range []string{
		"", "rtmp://", "http://host/app/secret", "rtmp://host/secret", "rtmp:///app/secret", "rtmp://host/app/secret%zz\x7f",
		"rtmp://host:secret/app/key", "rtmp://host/app/" + strings.Repeat("secret", 1000), "rtmpt://host/app/secret",
	} {
		_, err := Dial(within(t), Options{URL: bad, Guard: dial.Trusted})
		if !errors.Is(err, ErrAddress) {
			t.Errorf("%q: got %v", bad, err)
			continue
		}
		unsecret(t, err)
	}
}

// TestGuard: no connection passes a guard, whatever the name resolves to.
func TestGuard(t *testing.T) {
	s := serve(t, nil, func(*peer) { t.Error("somebody came") })
	_, port, _ := strings.Cut(s.addr, ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		_, err := Dial(within(t), Options{URL: "rtmp://" + host + ":" + port + "/live/key"})
		if !errors.Is(err, ErrAddress) || !errors.Is(err, dial.ErrAddress) {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	s := serve(t, nil, func(*peer) {})
	_, err := Dial(within(t), Options{URL: "rtmp://127.0.0.1:1/live/secretkey", Guard: dial.Trusted})
	if !errors.Is(err, ErrConnect) {
		t.Errorf("got %v", err)
	}
	cert, _ := certificate(t)
	secure := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(p *peer) { _ = p.greet() })
	if _, err = Dial(within(t), Options{URL: "rtmps://" + secure.addr + "/live/secretkey", Guard: dial.Trusted}); !errors.Is(err, ErrConnect) {
		t.Errorf("a certificate that nobody vouches for: got %v", err)
	}
	unsecret(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	over := errors.New("over")
	cancel(over)
	if _, err := Dial(ctx, s.options()); !errors.Is(err, over) {
		t.Errorf("cancelled: got %v", err)
	}
}
