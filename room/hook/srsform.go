package hook

import (
	"crypto/sha256"
	"encoding/hex"
)

// liveApp is the first part of every stream's address, which others call its app.
const liveApp = "live"

// srsEvent is the body of SRS's callbacks. Page is of on_play, Dir and File of on_dvr.
type srsEvent struct {
	ServerID  string  `json:"server_id"`
	ServiceID string  `json:"service_id"`
	Action    string  `json:"action"`
	ClientID  string  `json:"client_id"`
	IP        string  `json:"ip"`
	Vhost     string  `json:"vhost"`
	App       string  `json:"app"`
	TcURL     string  `json:"tcUrl"`
	Stream    string  `json:"stream"`
	Param     string  `json:"param"`
	StreamURL string  `json:"stream_url"`
	StreamID  string  `json:"stream_id"`
	Page      *string `json:"pageUrl,omitempty"`
	Dir       *string `json:"cwd,omitempty"`
	File      *string `json:"file,omitempty"`
}

func renderSRS(s server, e *Event) ([]byte, bool) {
	v := srsEvent{
		ServerID: s.name, ServiceID: s.run, ClientID: e.Session, IP: e.Addr, Vhost: e.host(), App: liveApp,
		TcURL: srsScheme(e) + "://" + e.hostPort() + "/" + liveApp, Stream: e.streamName(), Param: e.query(),
		StreamURL: e.host() + "/" + liveApp + "/" + e.streamName(), StreamID: srsStreamID(e),
	}
	switch e.Kind {
	case Published:
		v.Action = "on_publish"
	case Interrupted:
		v.Action = "on_unpublish" // SRS waits for nobody: the connection is gone
	case Unpublished:
		if e.Told {
			return nil, false
		}
		v.Action = "on_unpublish"
	case Played:
		v.Action, v.Page = "on_play", &e.Page
	case Forward:
		v.Action = "on_forward"
	case Stopped:
		v.Action = "on_stop"
	case Recorded:
		if e.Record == nil || e.Record.State != "complete" {
			return nil, false
		}
		dir := ""
		v.Action, v.Dir, v.File = "on_dvr", &dir, &e.Record.File
	default:
		return nil, false
	}
	return encode(v), true
}

// srsScheme is the scheme of tcUrl: how the client came.
func srsScheme(e *Event) string {
	switch e.Form {
	case "whip", "webrtc":
		return "webrtc"
	case "flv", "wsflv", "hls":
		return "http"
	default:
		return "rtmp"
	}
}

// srsStreamID names a stream by a text that stays the same.
func srsStreamID(e *Event) string {
	sum := sha256.Sum256([]byte(e.topic()))
	return "vid-" + hex.EncodeToString(sum[:4])
}
