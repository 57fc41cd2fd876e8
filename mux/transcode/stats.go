package transcode

// Stats counts what an OpusToAAC met, since its making. Durations are in samples of 48 kHz.
type Stats struct {
	Packets   uint64 // packets pushed
	Units     uint64 // access units made
	Damaged   uint64 // packets that could not be decoded and were concealed
	Dropped   uint64 // packets of a time that had been filled already, or of an impossible one
	Trimmed   uint64 // samples cut from packets that began in the past
	Concealed uint64 // samples made up by the Opus decoder in place of lost ones
	Recovered uint64 // samples decoded from the forward error correction of the next packet
	Silence   uint64 // samples of silence put where nothing came
	Inserted  uint64 // samples added to follow the stream's clock
	Removed   uint64 // samples taken out to follow the stream's clock
	Jumps     uint64 // holes too long to fill, where the time of the output jumps
	Restarts  uint64 // resets of the codecs after the encoder refused its input
}
