package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// events are one of each kind, with every field that it has.
var events = func() map[Kind]Event {
	publisher := Event{
		At: epoch, App: app, Room: "room", Stream: "cam", User: "host", Session: "s-1", Addr: "192.0.2.7", Site: "https://live.example.com:8443",
		Query: "usersig=secret&lang=de", Form: "whip", Since: epoch.Add(-90 * time.Second), Width: 1280, Height: 720,
	}
	list := make(map[Kind]Event)
	for _, k := range kinds {
		e := publisher
		e.Kind = k
		list[k] = e
	}
	with := func(k Kind, f func(*Event)) {
		e := list[k]
		f(&e)
		list[k] = e
	}
	with(Published, func(e *Event) { e.Since = epoch })
	with(Interrupted, func(e *Event) { e.Reason = "timeout" })
	with(Unpublished, func(e *Event) { e.Reason = "closed" })
	with(Abnormal, func(e *Event) { e.Faults = []Fault{{Type: 1, At: []time.Time{epoch.Add(-time.Second), epoch}}} })
	with(Watched, func(e *Event) {
		*e = Event{Kind: e.Kind, At: e.At, App: app, Room: e.Room, Stream: e.Stream, Viewers: map[string]int{"flv": 2, "hls": 1}, Watching: 3}
	})
	viewer := func(e *Event) {
		e.User, e.Session, e.Form, e.Addr, e.Width, e.Height = "anna", "v-1", "flv", "198.51.100.7", 0, 0
		e.Page = "https://www.example.com/live"
	}
	with(Played, viewer)
	with(Stopped, viewer)
	with(Stopped, func(e *Event) { e.Reason = "closed" })
	with(Relayed, func(e *Event) {
		e.Relay = &Relay{ID: "r-1", Way: "push", URL: "rtmp://cdn.example.com/live/cam", State: "failed", Tries: 3, Error: "the target refuses the stream", Bytes: 1000, Frames: 10, Lags: 1}
		e.Reason = "refused"
	})
	with(Recorded, func(e *Event) {
		e.Record = &Record{
			ID: "rec-1", State: "complete", Format: "mp4", File: "room/cam/1.mp4", URL: "https://live.example.com/rec/1.mp4",
			Begin: epoch.Add(-time.Minute), End: epoch, Size: 1 << 20,
		}
	})
	return list
}()

var thisServer = server{name: "edge-1", run: "run-1"}

// TestForms: each kind of event in each form, as it is before it is signed.
func TestForms(t *testing.T) {
	for _, form := range []Form{FormWeir, FormCSS, FormSRS} {
		for _, k := range kinds {
			e := events[k]
			name := fmt.Sprintf("forms/%s/%s.json", form, k)
			body, ok := form.render(thisServer, "EVENT", &e)
			if !ok {
				if _, err := os.Stat("testdata/" + name); err == nil {
					t.Errorf("%s: there is no such event, and a golden", name)
				}
				continue
			}
			var out bytes.Buffer
			if err := json.Indent(&out, body, "", "\t"); err != nil {
				t.Fatal(name, err)
			}
			out.WriteByte('\n')
			if strings.Contains(out.String(), "secret") {
				t.Errorf("%s: a secret is in it: %s", name, &out)
			}
			golden(t, name, out.Bytes())
		}
	}
}

// TestEndIsToldOnce: those forms that know no interruption hear of one end.
func TestEndIsToldOnce(t *testing.T) {
	e := events[Unpublished]
	e.Told = true
	for _, form := range []Form{FormCSS, FormSRS} {
		if _, ok := form.render(thisServer, "", &e); ok {
			t.Errorf("%s hears of it twice", form)
		}
	}
	if _, ok := FormWeir.render(thisServer, "", &e); !ok {
		t.Error("weir's form does not hear of it")
	}
}

// TestSequence: the start and the end of a push have one, another push another.
func TestSequence(t *testing.T) {
	start, end := events[Published], events[Unpublished]
	if sequence(&start) != sequence(&end) {
		t.Error("start and end differ")
	}
	end.Session = "s-2"
	if sequence(&start) == sequence(&end) {
		t.Error("another push has the same")
	}
}

// TestStreamID: a stream that has an id of its own is known by it alone.
func TestStreamID(t *testing.T) {
	e := events[Published]
	e.StreamID = "1400000000_room_host_main"
	for form, want := range map[Form]string{
		FormCSS: `"stream_id":"1400000000_room_host_main"`, FormSRS: `"stream":"1400000000_room_host_main"`, FormWeir: `"streamid":"1400000000_room_host_main"`,
	} {
		if body, _ := form.render(thisServer, "", &e); !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s: %s", form, body)
		}
	}
}

// TestSignWeir checks a signature as docs/callbacks.md says.
func TestSignWeir(t *testing.T) {
	body := []byte(`{"specversion":"1.0"}`)
	header, same := FormWeir.sign("key", map[string]string{idHeader: "1"}, body, epoch)
	if !bytes.Equal(same, body) || header[idHeader] != "1" {
		t.Errorf("%v %s", header, same)
	}
	m := regexp.MustCompile(`^t=(\d+),v1=([0-9a-f]{64})$`).FindStringSubmatch(header[signatureHeader])
	if m == nil {
		t.Fatal(header)
	}
	mac := hmac.New(sha256.New, []byte("key"))
	fmt.Fprintf(mac, "%s.%s", m[1], body)
	if hex.EncodeToString(mac.Sum(nil)) != m[2] || m[1] != strconv.FormatInt(epoch.Unix(), 10) {
		t.Errorf("got %v", m)
	}
	// printf '%s' '1777636800.{"specversion":"1.0"}' | openssl dgst -sha256 -hmac key
	const want = "t=1777636800,v1=06229c5585d7d73cf81e9845394ca51fe99ef9141d888c30cf15e41b3fc73eee"
	if header[signatureHeader] != want {
		t.Errorf("got %s", header[signatureHeader])
	}
	if header, _ := FormWeir.sign("", map[string]string{}, body, epoch); len(header) != 0 {
		t.Errorf("without a key: %v", header)
	}
}

// TestSignCSS: t is when the signature ends, and sign is over the key and it.
func TestSignCSS(t *testing.T) {
	_, body := FormCSS.sign("key", nil, []byte(`{"event_type":1}`), epoch)
	var got struct {
		Type int    `json:"event_type"`
		T    int64  `json:"t"`
		Sign string `json:"sign"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err, string(body))
	}
	sum := md5.Sum([]byte("key" + strconv.FormatInt(got.T, 10)))
	if got.Type != 1 || got.T != epoch.Add(10*time.Minute).Unix() || got.Sign != hex.EncodeToString(sum[:]) {
		t.Errorf("got %s", body)
	}
}

// TestStream: an event goes to every receiver in its form, signed when it is sent, and to none whose form does not have it.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		h := newHooks(t, Options{Key: "key", Server: "edge-1", Streams: []StreamReceiver{
			{FormWeir, "http://a.example.com/x"}, {FormCSS, "http://b.example.com/x"}, {FormSRS, "http://c.example.com/x"},
		}}, &r)
		run(t, h)
		h.Stream(events[Published], events[Watched])
		synctest.Wait()
		count := make(map[string]int)
		for _, g := range r.all() {
			count[g.url.Host]++
			if g.header.Get(idHeader) == "" || (g.header.Get(signatureHeader) != "") != (g.url.Host == "a.example.com") {
				t.Errorf("%s: %v", g.url, g.header)
			}
			var body struct{ ID, Sign string }
			if err := json.Unmarshal(g.body, &body); err != nil {
				t.Error(err)
			}
			if g.url.Host == "a.example.com" && body.ID != g.header.Get(idHeader) {
				t.Errorf("the id is %q in the body and %q in the header", body.ID, g.header.Get(idHeader))
			}
			if (body.Sign != "") != (g.url.Host == "b.example.com") {
				t.Errorf("%s: %s", g.url, g.body)
			}
		}
		if want := map[string]int{"a.example.com": 2, "b.example.com": 1, "c.example.com": 1}; !maps.Equal(count, want) {
			t.Errorf("got %v", count)
		}
	})
}

// TestPermit: receivers of SRS's form may refuse, and one that does not answer refuses, in bounded time; whom nobody asks
// may, and what was asked is not told again.
func TestPermit(t *testing.T) {
	refused, unanswered := ErrRefused, ErrUnanswered
	for _, tc := range []struct {
		name   string
		answer transport
		want   error
	}{
		{"0", func(*http.Request) (*http.Response, error) { return says(200, "0"), nil }, nil},
		{"0 and a line end", func(*http.Request) (*http.Response, error) { return says(200, " 0\r\n"), nil }, nil},
		{"201", func(*http.Request) (*http.Response, error) { return says(201, `{"code":0,"data":{}}`), nil }, nil},
		{"another code", func(*http.Request) (*http.Response, error) { return says(200, `{"code":1}`), nil }, refused},
		{"1", func(*http.Request) (*http.Response, error) { return says(200, "1"), nil }, refused},
		{"nothing", func(*http.Request) (*http.Response, error) { return says(200, ""), nil }, refused},
		{"an empty object", func(*http.Request) (*http.Response, error) { return says(200, "{}"), nil }, refused},
		{"a text", func(*http.Request) (*http.Response, error) { return says(200, `"0"`), nil }, refused},
		{"204", func(*http.Request) (*http.Response, error) { return says(204, "0"), nil }, refused},
		{"403", func(*http.Request) (*http.Response, error) { return says(403, "0"), nil }, refused},
		{"PUB-04 500", func(*http.Request) (*http.Response, error) { return says(500, "0"), nil }, refused},
		{"PUB-04 hangs", hangs, unanswered},
		{"down", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, unanswered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := recorder{answer: func(g got) (*http.Response, error) {
					req, _ := http.NewRequest("POST", g.url.String(), nil)
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					return tc.answer(req.WithContext(ctx))
				}}
				h := newHooks(t, Options{AskPublish: true, AskPlay: true, Streams: []StreamReceiver{
					{FormWeir, "http://a.example.com/x"}, {FormSRS, "http://c.example.com/x"},
				}}, &r)
				start := time.Now()
				for _, may := range []func(context.Context, Event) error{h.MayPublish, h.MayPlay} {
					if err := may(t.Context(), events[Published]); !errors.Is(err, tc.want) {
						t.Errorf("got %v, want %v", err, tc.want)
					}
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				var actions []string
				for _, g := range r.all() {
					var body struct{ Action string }
					if err := json.Unmarshal(g.body, &body); err != nil {
						t.Fatal(err)
					}
					actions = append(actions, body.Action)
				}
				if !slices.Equal(actions, []string{"on_publish", "on_play"}) {
					t.Errorf("asked: %v", actions)
				}
			})
		})
	}
}

// TestPermitSwitches: without the switch nobody is asked, and it is told.
func TestPermitSwitches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{answer: func(got) (*http.Response, error) { return says(200, "1"), nil }}
		h := newHooks(t, Options{AskPlay: true, Streams: []StreamReceiver{{FormSRS, "http://c.example.com/x"}}}, &r)
		run(t, h)
		if err := h.MayPublish(t.Context(), events[Published]); err != nil || len(r.all()) != 0 {
			t.Errorf("%v, %d calls", err, len(r.all()))
		}
		h.Stream(events[Published], events[Played], events[Stopped])
		synctest.Wait()
		if n := len(r.all()); n != 2 { // on_publish and on_stop; on_play was for MayPlay
			t.Errorf("%d calls", n)
		}
	})
}

func TestParseStreamReceiver(t *testing.T) {
	for text, want := range map[string]StreamReceiver{
		"https://a/b":        {FormWeir, "https://a/b"},
		"https://a/b?c=d":    {FormWeir, "https://a/b?c=d"},
		"weir=https://a/b":   {FormWeir, "https://a/b"},
		"css=http://a/b?c=d": {FormCSS, "http://a/b?c=d"},
		"srs=http://a":       {FormSRS, "http://a"},
	} {
		if got, err := ParseStreamReceiver(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", "css=", "zlm=https://a/b", "=https://a", "css=ftp://a", "http://", "srs=css=http://a"} {
		if got, err := ParseStreamReceiver(text); !errors.Is(err, ErrReceiver) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestReceiverNameHidesTheAddress(t *testing.T) {
	a := StreamReceiver{FormWeir, "https://user:secret@a/b?key=secret"}
	if name := a.name(); strings.Contains(name, "secret") || name != a.name() || name == (StreamReceiver{FormWeir, "https://a/b"}).name() {
		t.Error(name)
	}
}

// TestDocs: docs/callbacks.md lists every command and every kind of event in every form, with the fields that they have.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/callbacks.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := tableRows(string(text))
	check := func(row string, body []byte, inside string) {
		t.Helper()
		want := keysOf(t, body, inside)
		got, ok := rows[row]
		if !ok {
			t.Errorf("%s is not in the documentation: %s", row, strings.Join(want, ", "))
		} else if !slices.Equal(got, want) {
			t.Errorf("%s: documented are\n%s\nit has\n%s", row, strings.Join(got, ", "), strings.Join(want, ", "))
		}
		delete(rows, row)
	}
	for _, name := range Commands() {
		golden, err := os.ReadFile("testdata/commands/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := bytes.Cut(golden, []byte("\n\n"))
		check(name, body, "")
	}
	for _, form := range []Form{FormWeir, FormCSS, FormSRS} {
		for _, k := range kinds {
			row := string(form) + " " + string(k)
			body, err := os.ReadFile(fmt.Sprintf("testdata/forms/%s/%s.json", form, k))
			switch {
			case err != nil && slices.Equal(rows[row], []string{}): // "none"
				delete(rows, row)
			case err != nil:
				t.Errorf("%s is documented: %v", row, rows[row])
			case form == FormWeir:
				check(row, body, "data")
			default:
				check(row, body, "")
			}
		}
	}
	for row := range rows {
		if strings.Contains(row, "Callback") || strings.Contains(row, " ") {
			t.Errorf("%s is in the documentation and nowhere else", row)
		}
	}
}

// tableRows are the rows of all tables by what is quoted in their first cell, with what is quoted in their second. Rows of
// forms are named "form kind" after the heading that they stand below.
func tableRows(text string) map[string][]string {
	quoted := regexp.MustCompile("`([^`]+)`")
	heading := regexp.MustCompile("^#+ Form `([a-z]+)`")
	rows := make(map[string][]string)
	form := ""
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "#") {
			form = ""
			if m := heading.FindStringSubmatch(line); m != nil {
				form = m[1] + " "
			}
		}
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `") || len(cells) < 4 {
			continue
		}
		name := quoted.FindStringSubmatch(cells[1])[1]
		fields := []string{}
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			fields = append(fields, m[1])
		}
		rows[form+name] = fields
	}
	return rows
}

// keysOf are the keys of an object in their order, or of an object inside of it.
func keysOf(t *testing.T, body []byte, inside string) []string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if key == inside {
			return keysOf(t, value, "")
		}
		keys = append(keys, key.(string))
	}
	return keys
}
