// Package aac holds what weir must know of AAC without decoding it: the AudioSpecificConfig that
// containers embed, and how long a frame is.
//
// It decodes no sound and knows no container. It starts no goroutine; every function is safe for
// concurrent use, and none panics on what comes from outside.
package aac

import (
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// SamplesPerFrame is the number of samples of each channel in a frame of AAC-LC.
const SamplesPerFrame = 1024

const (
	objectLC = 2 // audioObjectType (ISO/IEC 14496-3 table 1.17)
	// explicitRate in the place of the index says that the rate itself follows in 24 bits.
	explicitRate = 15
	maxRate      = 1<<24 - 1
	// maxConfigSize bounds what is parsed; the fields that are read end within 13 bytes.
	maxConfigSize = 64
)

// rates are the sampling frequencies that have an index (ISO/IEC 14496-3 table 1.18).
var rates = []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// Config is what weir needs of an AudioSpecificConfig.
type Config struct {
	// ObjectType is the audio object type as the codec string writes it: 2 for AAC-LC, 5 for HE-AAC,
	// 29 for HE-AAC v2, both only when signalled explicitly.
	ObjectType int
	// Rate is the sampling rate in Hz of the AAC-LC part, whose frames have 1024 samples.
	Rate int
	// Channels is 1 to 6, or 8.
	Channels int
}

// AppendConfig appends the AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) of AAC-LC. Nothing is appended for
// what it cannot say: channels other than 1 to 6 and 8, or a rate that is not in 1..2^24-1.
func AppendConfig(dst []byte, rate, channels int) []byte {
	layout := channelConfig(channels)
	if layout == 0 || rate < 1 || rate > maxRate {
		return dst
	}
	index := slices.Index(rates, rate)
	if index >= 0 {
		// object type 5 bits, rate index 4, channel configuration 4, GASpecificConfig 3 zero bits
		v := objectLC<<11 | index<<7 | layout<<3
		return append(dst, byte(v>>8), byte(v))
	}
	v := uint64(objectLC<<35 | explicitRate<<31 | rate<<7 | layout<<3)
	return append(dst, byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// channelConfig is the channelConfiguration of ISO/IEC 14496-3 table 1.19, or 0 where there is none.
func channelConfig(channels int) int {
	switch {
	case channels >= 1 && channels <= 6:
		return channels
	case channels == 8:
		return 7
	default:
		return 0
	}
}

// ParseConfig reads an AudioSpecificConfig. It refuses what weir cannot carry: objects other than AAC-LC with
// or without SBR and PS, channels that only a program config element tells, frames that are not of 1024
// samples, rates outside of 7350 to 96000 Hz: a frame of 1024 samples at 16 MHz would last 61 µs, and all that counts
// frames would have work without end. An error wraps ErrConfig.
func ParseConfig(asc []byte) (Config, error) {
	if len(asc) > maxConfigSize {
		return Config{}, fmt.Errorf("%w: %d bytes", ErrConfig, len(asc))
	}
	var raw mpeg4audio.AudioSpecificConfig
	if err := raw.Unmarshal(asc); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if raw.FrameLengthFlag || raw.SampleRate < rates[len(rates)-1] || raw.SampleRate > rates[0] || raw.ChannelConfig == 0 {
		return Config{}, fmt.Errorf("%w: %d Hz, channel configuration %d, short frames %t",
			ErrConfig, raw.SampleRate, raw.ChannelConfig, raw.FrameLengthFlag)
	}
	c := Config{ObjectType: int(raw.Type), Rate: raw.SampleRate, Channels: int(raw.ChannelConfig)}
	if raw.ChannelConfig == 7 {
		c.Channels = 8
	}
	if raw.ExtensionType != 0 {
		c.ObjectType = int(raw.ExtensionType)
	}
	return c, nil
}

// CodecString is the codecs parameter of a config, such as mp4a.40.2 (RFC 6381 3.3).
func CodecString(asc []byte) (string, error) {
	c, err := ParseConfig(asc)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("mp4a.40.%d", c.ObjectType), nil
}
