package aac

// Syntactic elements of a raw_data_block (ISO/IEC 14496-3 table 4.71), in 3 bits.
const (
	elementSingle = 0 // a channel
	elementPair   = 1
	elementLFE    = 3
	elementEnd    = 7
)

// layouts are the elements of a frame by channelConfiguration (ISO/IEC 14496-3 table 1.19).
var layouts = [...][]byte{
	1: {elementSingle},
	2: {elementPair},
	3: {elementSingle, elementPair},
	4: {elementSingle, elementPair, elementSingle},
	5: {elementSingle, elementPair, elementPair},
	6: {elementSingle, elementPair, elementPair, elementLFE},
	7: {elementSingle, elementPair, elementPair, elementPair, elementLFE},
}

// AppendSilence appends a raw_data_block of silence in AAC-LC: 1024 samples of 1 to 6 or 8 channels, whatever the
// rate. Nothing is appended for another number of channels.
func AppendSilence(dst []byte, channels int) []byte {
	layout := channelConfig(channels)
	if layout == 0 {
		return dst
	}
	w := bitWriter{dst: dst}
	var tags [elementLFE + 1]uint32 // element_instance_tag: elements of one kind are counted
	for _, e := range layouts[layout] {
		w.put(uint32(e), 3)
		w.put(tags[e], 4)
		tags[e]++
		if e == elementPair {
			w.pair()
		} else {
			w.put(0, 8) // global_gain
			w.info()
			w.tools()
		}
	}
	w.put(elementEnd, 3)
	return w.flush()
}

// pair writes a channel_pair_element behind its tag: one ics_info for both channels.
func (w *bitWriter) pair() {
	w.put(1, 1) // common_window
	w.info()
	w.put(0, 2) // ms_mask_present
	for range 2 {
		w.put(0, 8) // global_gain
		w.tools()
	}
}

// info writes an ics_info (ISO/IEC 14496-3 table 4.6) of one long window without a scale factor band, which leaves
// section and scale factor data empty and all coefficients zero.
func (w *bitWriter) info() {
	w.put(0, 1+2+1) // reserved, ONLY_LONG_SEQUENCE, sine window
	w.put(0, 6)     // max_sfb
	w.put(0, 1)     // predictor_data_present
}

// tools writes that there is no pulse data, no noise shaping and no gain control.
func (w *bitWriter) tools() { w.put(0, 3) }

// bitWriter appends bits, the highest first.
type bitWriter struct {
	dst  []byte
	acc  uint32
	bits int // in acc, less than 8 between calls
}

func (w *bitWriter) put(v uint32, n int) {
	w.acc = w.acc<<n | v
	w.bits += n
	for w.bits >= 8 {
		w.bits -= 8
		w.dst = append(w.dst, byte(w.acc>>w.bits))
	}
}

// flush fills up to a whole byte (byte_alignment) and returns what was written.
func (w *bitWriter) flush() []byte {
	if w.bits > 0 {
		w.put(0, 8-w.bits)
	}
	return w.dst
}
