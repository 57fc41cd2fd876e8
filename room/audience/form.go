package audience

// Form is a line by which a stream is watched.
type Form uint8

// The forms.
const (
	FLV Form = iota // HTTP-FLV and WS-FLV
	HLS
	WebRTC

	forms = iota
)

var formNames = [forms]string{"flv", "hls", "webrtc"}

// String is the form's name as metrics, the API and beacons write it.
func (f Form) String() string { return formNames[f] }

// ParseForm is the inverse of Form.String; ok is false for other names.
func ParseForm(name string) (f Form, ok bool) {
	for i, n := range formNames {
		if n == name {
			return Form(i), true
		}
	}
	return 0, false
}

// Forms lists all forms.
func Forms() []Form { return []Form{FLV, HLS, WebRTC} }
