package address

import "testing"

// TestMasked: nothing that lets somebody publish is shown.
func TestMasked(t *testing.T) {
	for in, want := range map[string]string{
		"rtmp://a.rtmp.example.com/live2/abcd-efgh":              "rtmp://a.rtmp.example.com/live2/***",
		"rtmps://user:pw@cdn.example.com:443/app/inst/key?x=1#f": "rtmps://cdn.example.com:443/app/inst/***",
		"rtmp://cdn.example.com/live/{streamid}?txSecret=1":      "rtmp://cdn.example.com/live/{streamid}",
		"rtmp://cdn.example.com/live/{room}-key":                 "rtmp://cdn.example.com/live/***",
		"rtmp://cdn.example.com/live/{a}key{b}":                  "rtmp://cdn.example.com/live/***",
		"rtmp://cdn.example.com/":                                "rtmp://cdn.example.com",
		"https://cdn.example.com/secretwebRTC/publish":           "https://cdn.example.com/***",
		"srt://cdn.example.com:9000?streamid=key&passphrase=pw":  "srt://cdn.example.com:9000",
		"no address":      "(malformed)",
		"rtmp://%zz/live": "(malformed)",
	} {
		if got := Masked(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestMaskedSource(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@origin.example.com/live/a.flv?sign=1": "https://origin.example.com/live/a.flv",
		"rtmp://origin.example.com/live/a":                 "rtmp://origin.example.com/live/a",
		"https://origin.example.com/{room}/{stream}.flv":   "https://origin.example.com/{room}/{stream}.flv",
		"https://origin.example.com/a%0Ab":                 "https://origin.example.com/a%0Ab",
		"://":                                              "(malformed)",
	} {
		if got := MaskedSource(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
