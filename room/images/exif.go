package images

import (
	"bufio"
	"encoding/binary"
	"io"
)

// orientation finds how a JPEG is to be turned: the first entry of that name in its Exif data, or 1.
func orientation(r io.Reader) int {
	in := bufio.NewReader(r)
	if _, err := in.Discard(2); err != nil { // the start of the image
		return 1
	}
	for range 64 { // markers that may stand before the one with the data
		var marker [4]byte
		if _, err := io.ReadFull(in, marker[:]); err != nil || marker[0] != 0xff || marker[1] == 0xda { // the scan begins
			return 1
		}
		n := int(binary.BigEndian.Uint16(marker[2:])) - 2 // ITU-T T.81 B.1.1.4: the length counts itself
		if n < 0 {
			return 1
		}
		if marker[1] != 0xe1 {
			if _, err := in.Discard(n); err != nil {
				return 1
			}
			continue
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(in, text); err != nil {
			return 1
		}
		if o := exifOrientation(text); o != 0 {
			return o
		}
	}
	return 1
}

// exifOrientation is tag 0x0112 of the first directory of an APP1 segment, or 0 (Exif 2.32, 4.5.2 and 4.6.2).
func exifOrientation(text []byte) int {
	const prefix, tag, short = "Exif\x00\x00", 0x0112, 3
	if len(text) < len(prefix)+8 || string(text[:len(prefix)]) != prefix {
		return 0
	}
	text = text[len(prefix):]
	var order binary.ByteOrder = binary.BigEndian
	if text[0] == 'I' {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(text[4:]))
	if at+2 > uint64(len(text)) {
		return 0
	}
	entries := text[at+2:]
	for range order.Uint16(text[at:]) {
		if len(entries) < 12 {
			return 0
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}
