package transcode

// FrameSamples is the number of samples a channel in one AAC-LC access unit.
const FrameSamples = 1024

// Encoder makes AAC-LC access units of 48 kHz stereo. It stands between this package and the module that
// does the work, so that a build can leave that module out (tag nolgpl) or bring another.
//
// Its delay is FrameSamples: the first Encode after its making or after Reset appends nothing, the second
// appends the unit that decodes to the silence before the first frame, and so on. An Encoder is used by one
// goroutine at a time.
type Encoder interface {
	// Encode takes FrameSamples samples of each channel in [-1, 1] and appends one raw access unit to dst,
	// without keeping left, right or dst. After an error only Reset may be called.
	Encode(dst []byte, left, right []float32) ([]byte, error)
	// Config is the AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) of every unit, also after Reset.
	Config() []byte
	// Reset makes the Encoder as good as new.
	Reset() error
}
