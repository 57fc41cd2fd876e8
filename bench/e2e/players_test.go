package e2e

import (
	"net/url"
	"os"
	"strings"
	"testing"
)

// testPlayers: other people's players play both forms: ffmpeg, mpv, GStreamer and VLC.
func testPlayers(t *testing.T, s *server) {
	s.publish(t, "players/cam", media{video: true, audio: true})
	for _, form := range []string{"flv", "m3u8"} {
		where := s.http + "/live/players/cam." + form
		t.Run("ffmpeg "+form, func(t *testing.T) { playFFmpeg(t, where) })
		t.Run("mpv "+form, func(t *testing.T) { playMPV(t, where) })
		t.Run("GStreamer "+form, func(t *testing.T) { playGStreamer(t, where, form) })
		t.Run("VLC "+form, func(t *testing.T) { playVLC(t, where) })
	}
}

// playFFmpeg decodes what comes and says nothing, as long as nothing is wrong.
func playFFmpeg(t *testing.T, where string) {
	out, err := tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", where, "-t", "2", "-map", "0:v", "-map", "0:a", "-f", "null", "-")
	if err != nil || out != "" {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}

func playMPV(t *testing.T, where string) {
	out, err := tool(t, "mpv", "--no-config", "--vo=null", "--ao=null", "--length=2", "--msg-level=all=error", where)
	if err != nil || out != "" {
		t.Errorf("mpv: %v\n%s", err, out)
	}
}

// playGStreamer plays until each track has given so much: exit 0 says that it was decoded.
func playGStreamer(t *testing.T, where, form string) {
	args := []string{"playbin3", "uri=" + where, "video-sink=fakesink num-buffers=30", "audio-sink=fakesink num-buffers=30"}
	if form == "flv" {
		args = append([]string{"souphttpsrc", "location=" + where, "is-live=true"}, strings.Fields("! flvdemux name=d"+
			" d.video ! queue ! h264parse ! avdec_h264 ! fakesink num-buffers=30"+
			" d.audio ! queue ! aacparse ! avdec_aac ! fakesink num-buffers=30")...)
	}
	out, err := tool(t, "gst-launch-1.0", append([]string{"-q"}, args...)...)
	if err != nil || strings.Contains(out, "ERROR") {
		t.Errorf("gst-launch-1.0: %v\n%s", err, out)
	}
}

// playVLC runs cvlc, which refuses root, as nobody.
func playVLC(t *testing.T, where string) {
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "weir-vlc-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	if err := os.Chmod(home, 0o777); err != nil {
		t.Fatal(err)
	}
	args := []string{"cvlc", "--vout=dummy", "--aout=dummy", "--run-time=2", "--no-color", "-vv", u.String(), "vlc://quit"}
	if os.Geteuid() == 0 {
		args = append([]string{"runuser", "-u", "nobody", "--", "env", "HOME=" + home}, args...)
	}
	out, err := tool(t, args[0], args[1:]...)
	if err != nil || !strings.Contains(out, "Received first picture") {
		t.Errorf("cvlc: %v, and no picture in\n%s", err, out)
	}
}
