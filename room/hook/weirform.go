package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"
	"time"
)

// signatureHeader proves who sends an event: t=UNIX SECONDS,v1=HEX of HMAC-SHA256(key, t + "." + body).
const signatureHeader = "X-Weir-Signature"

// weirEvent is weir's own form, with the attributes of CloudEvents 1.0.2 (3.1, 3.2).
type weirEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        weirData  `json:"data"`
}

type weirData struct {
	App      int            `json:"app"`
	Room     string         `json:"room"`
	Stream   string         `json:"stream"`
	StreamID string         `json:"streamid,omitempty"`
	User     string         `json:"user,omitempty"`
	Session  string         `json:"session,omitempty"`
	Addr     string         `json:"addr,omitempty"`
	Form     string         `json:"form,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Since    *time.Time     `json:"since,omitempty"`
	Duration int64          `json:"duration_ms,omitempty"`
	Width    int            `json:"width,omitempty"`
	Height   int            `json:"height,omitempty"`
	Faults   []weirFault    `json:"faults,omitempty"`
	Viewers  map[string]int `json:"viewers,omitempty"`
	Watching *int           `json:"watching,omitempty"`
	Relay    *Relay         `json:"relay,omitempty"`
	Record   *weirRecord    `json:"record,omitempty"`
}

type weirFault struct {
	Type int         `json:"type"`
	At   []time.Time `json:"at"`
}

type weirRecord struct {
	ID     string     `json:"id"`
	State  string     `json:"state"`
	Format string     `json:"format"`
	Reason string     `json:"reason,omitempty"`
	Lags   int        `json:"lags,omitempty"`
	File   string     `json:"file,omitempty"`
	URL    string     `json:"url,omitempty"`
	Begin  *time.Time `json:"begin,omitempty"`
	End    *time.Time `json:"end,omitempty"`
	Size   int64      `json:"size,omitempty"`
}

func renderWeir(s server, id string, e *Event) []byte {
	d := weirData{
		App: e.App, Room: e.Room, Stream: e.Stream, StreamID: e.StreamID, User: e.User, Session: e.Session, Addr: e.Addr,
		Form: e.Form, Reason: e.Reason, Since: instant(e.Since), Width: e.Width, Height: e.Height, Relay: e.Relay,
	}
	switch e.Kind {
	case Interrupted, Unpublished, Stopped:
		d.Duration = e.lasted().Milliseconds()
	case Watched:
		d.Viewers, d.Watching = e.Viewers, &e.Watching
	case Abnormal:
		for _, f := range e.Faults {
			d.Faults = append(d.Faults, weirFault(f))
		}
	case Recorded:
		if r := e.Record; r != nil {
			d.Record = &weirRecord{r.ID, r.State, r.Format, r.Reason, r.Lags, r.File, r.URL, instant(r.Begin), instant(r.End), r.Size}
		}
	default:
	}
	return encode(weirEvent{
		SpecVersion: "1.0", ID: id, Source: "weir/" + s.name, Type: "weir." + string(e.Kind),
		Subject: strconv.Itoa(e.App) + "/" + e.Room + "/" + e.Stream, Time: e.At.UTC(), ContentType: "application/json", Data: d,
	})
}

// instant is a time that may not be there.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// encode is for values that always marshal: texts, numbers and times of this century.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// signWeir adds the signature. It is made anew for each try, so that its time is that of the try.
func signWeir(key string, header map[string]string, body []byte, now time.Time) map[string]string {
	if key == "" {
		return header
	}
	t := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	header = maps.Clone(header)
	header[signatureHeader] = "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
	return header
}
