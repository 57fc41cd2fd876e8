package images

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"io"
)

const (
	// maxFrames and maxFramePixels bound an animation, which is held whole while it is decoded.
	maxFrames, maxFramePixels = 1000, 100_000_000
)

// scanGIF goes through a GIF's blocks without decoding them and tells how many pixels its frames have in all (GIF89a,
// section 12 and the sections of its blocks).
func scanGIF(r io.Reader) (pixels int64, err error) {
	in := bufio.NewReader(r)
	var screen [13]byte
	if _, err := io.ReadFull(in, screen[:]); err != nil {
		return 0, damaged(err)
	}
	if err := skipColors(in, screen[10]); err != nil {
		return 0, err
	}
	for frames := 0; ; {
		block, err := in.ReadByte()
		if err != nil {
			return 0, damaged(err)
		}
		switch block {
		case 0x21: // an extension: its label, then sub-blocks
			if _, err := in.Discard(1); err != nil {
				return 0, damaged(err)
			}
		case 0x2c: // a frame
			var place [9]byte
			if _, err := io.ReadFull(in, place[:]); err != nil {
				return 0, damaged(err)
			}
			frames++
			pixels += int64(binary.LittleEndian.Uint16(place[4:])) * int64(binary.LittleEndian.Uint16(place[6:]))
			if frames > maxFrames || pixels > maxFramePixels {
				return 0, ErrTooManyPixels
			}
			if err := skipColors(in, place[8]); err != nil {
				return 0, err
			}
			if _, err := in.Discard(1); err != nil { // the size of codes
				return 0, damaged(err)
			}
		case 0x3b: // the end
			return pixels, nil
		default:
			return 0, ErrDamaged
		}
		if err := skipBlocks(in); err != nil {
			return 0, err
		}
	}
}

// skipColors passes over a table of colors, if the flags say that there is one.
func skipColors(in *bufio.Reader, flags byte) error {
	if flags&0x80 == 0 {
		return nil
	}
	_, err := in.Discard(3 << (flags&7 + 1))
	return damaged(err)
}

// skipBlocks passes over sub-blocks, to the empty one that ends them.
func skipBlocks(in *bufio.Reader) error {
	for {
		n, err := in.ReadByte()
		if err != nil || n == 0 {
			return damaged(err)
		}
		if _, err := in.Discard(int(n)); err != nil {
			return damaged(err)
		}
	}
}

func damaged(err error) error {
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// remakeGIF keeps an animation as it is. The smaller copies are of its first frame.
func remakeGIF(file io.Reader) (Format, []variant, error) {
	all, err := gif.DecodeAll(file)
	if err != nil {
		return 0, nil, damaged(err)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, all); err != nil {
		return 0, nil, damaged(err)
	}
	first := image.NewNRGBA(image.Rect(0, 0, all.Config.Width, all.Config.Height))
	draw.Draw(first, all.Image[0].Bounds(), all.Image[0], all.Image[0].Bounds().Min, draw.Src)
	return withSmaller(GIF, out.Bytes(), first)
}
