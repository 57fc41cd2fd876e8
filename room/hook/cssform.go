package hook

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"time"
)

// cssValid is how long the signature of the cloud's form holds; t is the time when it no longer does.
const cssValid = 10 * time.Minute

// The event types of the cloud's stream callbacks.
const (
	cssEnded    = 0
	cssStarted  = 1
	cssRecorded = 100
	cssAbnormal = 321
)

// cssPush is the body of types 1 and 0.
type cssPush struct {
	Type      int    `json:"event_type"`
	AppID     int    `json:"appid"`
	App       string `json:"app"`     // the push domain
	AppName   string `json:"appname"` // the first part of the path
	StreamID  string `json:"stream_id"`
	ChannelID string `json:"channel_id"` // the same
	EventTime int64  `json:"event_time"`
	Sequence  string `json:"sequence"` // of the start and of the end the same
	Node      string `json:"node"`
	UserIP    string `json:"user_ip"`
	Param     string `json:"stream_param"`
	Duration  *int64 `json:"push_duration,omitempty"` // ms, of type 0
	ErrCode   int    `json:"errcode"`
	ErrMsg    string `json:"errmsg"`
	SetID     int    `json:"set_id"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
}

// cssRecord is the body of type 100.
type cssRecord struct {
	Type       int    `json:"event_type"`
	AppID      int    `json:"appid"`
	App        string `json:"app"`
	AppName    string `json:"appname"`
	StreamID   string `json:"stream_id"`
	ChannelID  string `json:"channel_id"`
	FileID     string `json:"file_id"`
	RecordFile string `json:"record_file_id"`
	FileFormat string `json:"file_format"`
	TaskID     string `json:"task_id"`
	StartTime  int64  `json:"start_time"`
	EndTime    int64  `json:"end_time"`
	Duration   int64  `json:"duration"` // seconds
	FileSize   int64  `json:"file_size"`
	Param      string `json:"stream_param"`
	VideoURL   string `json:"video_url"`
}

// cssFaults is the body of type 321.
type cssFaults struct {
	Type      int        `json:"event_type"`
	AppID     int        `json:"appid"`
	DataTime  int64      `json:"data_time"`
	Domain    string     `json:"domain"`
	Path      string     `json:"path"`
	StreamID  string     `json:"stream_id"`
	Interval  int        `json:"report_interval"`
	Abnormals []cssFault `json:"abnormal_event"`
}

type cssFault struct {
	Type   int         `json:"type"`
	Count  int         `json:"count"`
	Detail []cssDetail `json:"detail"`
}

type cssDetail struct {
	At int64 `json:"occur_time"`
}

// cssInterval is what report_interval tells: over how many seconds faults are put together.
const cssInterval = 5

func renderCSS(s server, e *Event) ([]byte, bool) {
	switch e.Kind {
	case Published:
		return encode(cssPushOf(s, e, cssStarted)), true
	case Interrupted:
		return encode(cssPushOf(s, e, cssEnded)), true
	case Unpublished:
		if e.Told { // the end that it knows was at the interruption
			return nil, false
		}
		return encode(cssPushOf(s, e, cssEnded)), true
	case Recorded:
		if e.Record == nil || e.Record.State != "complete" {
			return nil, false
		}
		return encode(cssRecordOf(e)), true
	case Abnormal:
		return encode(cssFaultsOf(e)), true
	default:
		return nil, false
	}
}

func cssPushOf(s server, e *Event, t int) cssPush {
	p := cssPush{
		Type: t, AppID: e.App, App: e.host(), AppName: liveApp, StreamID: e.streamName(), ChannelID: e.streamName(),
		EventTime: e.At.Unix(), Sequence: sequence(e), Node: s.name, UserIP: e.Addr, Param: trimQuery(e.query()),
		ErrMsg: "ok", SetID: 1, Width: e.Width, Height: e.Height,
	}
	if t == cssEnded {
		ms := e.lasted().Milliseconds()
		p.Duration = &ms
		p.ErrCode, p.ErrMsg = cssGone, e.Reason
		if e.Kind == Unpublished {
			p.ErrCode = cssStopped
		}
	}
	return p
}

// Why a push ended: the publisher said so, or nothing came from it any more.
const (
	cssStopped = 1
	cssGone    = 4
)

// sequence names a publisher's connection by a number.
func sequence(e *Event) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(e.topic() + " " + e.Session)) // it never fails
	return strconv.FormatUint(sum.Sum64()>>1, 10)
}

func trimQuery(q string) string {
	if q == "" {
		return ""
	}
	return q[1:]
}

func cssRecordOf(e *Event) cssRecord {
	r := e.Record
	return cssRecord{
		Type: cssRecorded, AppID: e.App, App: e.host(), AppName: liveApp, StreamID: e.streamName(), ChannelID: e.streamName(),
		FileID: r.File, RecordFile: r.File, FileFormat: r.Format, TaskID: r.ID, StartTime: r.Begin.Unix(), EndTime: r.End.Unix(),
		Duration: int64(r.End.Sub(r.Begin) / time.Second), FileSize: r.Size, Param: trimQuery(e.query()), VideoURL: r.URL,
	}
}

func cssFaultsOf(e *Event) cssFaults {
	list := make([]cssFault, 0, len(e.Faults))
	for _, f := range e.Faults {
		c := cssFault{Type: f.Type, Count: len(f.At), Detail: make([]cssDetail, 0, len(f.At))}
		for _, at := range f.At {
			c.Detail = append(c.Detail, cssDetail{at.UnixMilli()})
		}
		list = append(list, c)
	}
	return cssFaults{
		Type: cssAbnormal, AppID: e.App, DataTime: e.At.UnixMilli(), Domain: e.host(), Path: liveApp, StreamID: e.streamName(),
		Interval: cssInterval, Abnormals: list,
	}
}

// signCSS puts t and sign = hex md5(key + t) into a body. MD5 is what this form has; whoever can choose forms chooses weir's.
func signCSS(key string, body []byte, now time.Time) []byte {
	t := strconv.FormatInt(now.Add(cssValid).Unix(), 10)
	sum := md5.Sum([]byte(key + t))
	body = bytes.TrimSuffix(body, []byte("}"))
	out := make([]byte, 0, len(body)+64)
	out = append(out, body...)
	out = append(out, `,"t":`+t+`,"sign":"`+hex.EncodeToString(sum[:])+`"}`...)
	return out
}
