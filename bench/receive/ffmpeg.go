package receive

import (
	"fmt"
	"path/filepath"
)

// FFmpeg is an ffmpeg that listens for one push, writes it to a file as it came, and ends with it.
type FFmpeg struct {
	*process

	URL  string // where to push
	File string // grows as media comes
}

// ListenRTMP starts an ffmpeg for one push by RTMP, written as FLV. The push may have to try until ffmpeg listens.
func ListenRTMP(dir string) (*FFmpeg, error) {
	port, err := port()
	if err != nil {
		return nil, err
	}
	return listen(fmt.Sprintf("rtmp://%s/live/push", local(port)), filepath.Join(dir, "pushed.flv"), "-listen", "1")
}

// ListenSRT starts an ffmpeg for one push by SRT of MPEG-TS, written as it is. passphrase is empty or of 10 bytes and more.
func ListenSRT(dir, passphrase string) (*FFmpeg, error) {
	port, err := port()
	if err != nil {
		return nil, err
	}
	options := []string{"-mode", "listener"}
	if passphrase != "" {
		options = append(options, "-passphrase", passphrase)
	}
	return listen("srt://"+local(port), filepath.Join(dir, "pushed.ts"), options...)
}

func listen(url, file string, options ...string) (*FFmpeg, error) {
	args := append([]string{"-v", "verbose", "-nostdin", "-y"}, options...)
	args = append(args, "-i", url, "-map", "0", "-c", "copy", "-copyts", "-flush_packets", "1", file)
	p, err := begin("ffmpeg", args...)
	if err != nil {
		return nil, err
	}
	return &FFmpeg{process: p, URL: url, File: file}, nil
}
