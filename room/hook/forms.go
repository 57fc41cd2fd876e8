package hook

import "time"

// server is what a form tells of this server.
type server struct {
	name string // the operator's name for it
	run  string // of this run of it
}

// render is an event in a form; not ok when the form has nothing of that kind.
func (f Form) render(s server, id string, e *Event) (body []byte, ok bool) {
	switch f {
	case FormCSS:
		return renderCSS(s, e)
	case FormSRS:
		return renderSRS(s, e)
	default:
		return renderWeir(s, id, e), true
	}
}

// sign is what is sent in the end: what was rendered, with the proof of who sends it and when.
func (f Form) sign(key string, header map[string]string, body []byte, now time.Time) (map[string]string, []byte) {
	switch f {
	case FormCSS:
		return header, signCSS(key, body, now)
	case FormSRS: // it knows no signature
		return header, body
	default:
		return signWeir(key, header, body, now), body
	}
}
