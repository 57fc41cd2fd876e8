package publish

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/thesyncim/gopus"
	"github.com/thesyncim/gopus/container/ogg"
)

// opusPacket is one packet of an Ogg Opus file.
type opusPacket struct {
	data    []byte
	samples int64 // of 48 kHz
}

// readAudio reads an Ogg Opus file.
func readAudio(name string) ([]opusPacket, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read audio: %w", err)
	}
	defer f.Close()
	r, err := ogg.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read audio %s: %w", name, err)
	}
	var packets []opusPacket
	for {
		data, _, err := r.ReadPacket()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read audio %s: %w", name, err)
		}
		info, err := gopus.ParsePacket(data)
		if err != nil {
			return nil, fmt.Errorf("cannot read audio %s, packet %d: %w", name, len(packets), err)
		}
		packets = append(packets, opusPacket{data, int64(info.FrameCount * info.TOC.FrameSize)})
	}
	if len(packets) == 0 {
		return nil, fmt.Errorf("cannot read audio %s: %w", name, errors.New("no packet in it"))
	}
	return packets, nil
}
