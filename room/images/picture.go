package images

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	scaling "golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

const (
	// maxPixels bounds a picture: what cameras of 24 megapixels make.
	maxPixels = 25_000_000
	// maxSide is the longest side.
	maxSide = 16384
	// pixelCost is the memory that decoding takes for a pixel at worst, in bytes: a progressive JPEG's coefficients.
	pixelCost = 16
	// quality is that of the JPEGs that are written.
	quality, smallQuality = 92, 80
	// large and thumb are the sizes of the smaller copies, on the short side.
	large, thumb = 720, 198
)

// Format is a picture's format by the numbers that clients know (ImageFormat).
type Format int

// The formats that are served.
const (
	JPEG Format = 1
	GIF  Format = 2
	PNG  Format = 3
)

func (f Format) suffix() string {
	switch f {
	case GIF:
		return ".gif"
	case PNG:
		return ".png"
	default:
		return ".jpg"
	}
}

// kind is a format that is taken.
type kind struct {
	magic  string // ? stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// kinds are told apart by their first bytes, whatever a request calls them.
var kinds = []kind{
	{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"GIF8?a", gif.DecodeConfig, nil}, // see readGIF
	{"RIFF????WEBPVP8", webp.DecodeConfig, webp.Decode},
	{"BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode},
}

func kindOf(head []byte) (kind, error) {
	for _, k := range kinds {
		if len(head) >= len(k.magic) && matches(k.magic, head) {
			return k, nil
		}
	}
	return kind{}, ErrUnsupported
}

func matches(magic string, head []byte) bool {
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != head[i] {
			return false
		}
	}
	return true
}

// header is what is known of a picture before it is decoded.
type header struct {
	kind
	isGIF       bool
	orientation int // as in Exif: 1 to 8
	cost        int64
}

// examine reads a picture's header and refuses what decoding would take too much for. It leaves file at its start.
func examine(file io.ReadSeeker) (*header, error) {
	head := make([]byte, 16)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	h := &header{orientation: 1}
	if h.kind, err = kindOf(head[:n]); err != nil {
		return nil, err
	}
	read := func(part func(io.Reader) error) {
		if _, seekErr := file.Seek(0, io.SeekStart); err == nil {
			err = cmp.Or(seekErr, part(file))
		}
	}
	var config image.Config
	read(func(r io.Reader) (err error) {
		config, err = h.config(r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	pixels := int64(config.Width) * int64(config.Height)
	if config.Width < 1 || config.Height < 1 {
		return nil, ErrDamaged
	}
	if config.Width > maxSide || config.Height > maxSide || pixels > maxPixels {
		return nil, ErrTooManyPixels
	}
	h.cost = pixels * pixelCost
	switch h.magic {
	case "GIF8?a":
		h.isGIF = true
		read(func(r io.Reader) error {
			all, err := scanGIF(r)
			h.cost += all
			return err
		})
	case "\xff\xd8\xff":
		read(func(r io.Reader) error {
			h.orientation = orientation(r)
			return nil
		})
	}
	if err != nil {
		return nil, err
	}
	_, err = file.Seek(0, io.SeekStart)
	return h, err
}

// variant is one size of a picture, encoded.
type variant struct {
	size          int // 1 original, 2 large, 3 small, as clients know them
	suffix        string
	width, height int
	data          []byte // nil: that of the next larger one
}

// remake decodes a picture and encodes it anew in its three sizes.
func remake(file io.Reader, h *header) (Format, []variant, error) {
	if h.isGIF {
		return remakeGIF(file)
	}
	img, err := h.decode(file)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	img = upright(img, h.orientation)
	format := JPEG
	if h.magic[0] == '\x89' || !opaque(img) {
		format = PNG
	}
	data, err := encode(img, format, quality)
	if err != nil {
		return 0, nil, err
	}
	return withSmaller(format, data, img)
}

// withSmaller adds the smaller copies to an original.
func withSmaller(format Format, data []byte, img image.Image) (Format, []variant, error) {
	size := img.Bounds().Size()
	copies := []variant{{1, format.suffix(), size.X, size.Y, data}}
	for i, side := range []int{large, thumb} {
		last := copies[len(copies)-1]
		next := variant{size: i + 2, width: last.width, height: last.height}
		if small := scale(img, side); small != img {
			img = small
			as := JPEG
			if !opaque(img) {
				as = PNG
			}
			data, err := encode(img, as, smallQuality)
			if err != nil {
				return 0, nil, err
			}
			next = variant{i + 2, fmt.Sprintf("_%d%s", side, as.suffix()), img.Bounds().Dx(), img.Bounds().Dy(), data}
		}
		copies = append(copies, next)
	}
	return format, copies, nil
}

func encode(img image.Image, as Format, quality int) ([]byte, error) {
	var out bytes.Buffer
	var err error
	if as == PNG {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, img)
	} else {
		err = jpeg.Encode(&out, img, &jpeg.Options{Quality: quality})
	}
	return out.Bytes(), err
}

// opaque tells whether nothing shines through.
func opaque(img image.Image) bool {
	o, ok := img.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// scale makes a picture smaller, to a length of its short side; one that is small enough stays as it is.
func scale(img image.Image, short int) image.Image {
	size := img.Bounds().Size()
	has := min(size.X, size.Y)
	if has <= short {
		return img
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, size.X*short/has), max(1, size.Y*short/has)))
	scaling.BiLinear.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	return small
}

// upright turns a picture as its orientation says (Exif 2.32, 4.6.4 A: the row and the column of what is shown are those
// of what is stored, mirrored, or exchanged).
func upright(img image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return img
	}
	bounds := img.Bounds()
	from := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	draw.Draw(from, from.Bounds(), img, bounds.Min, draw.Src)
	w, h := bounds.Dx(), bounds.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			sx, sy := source(orientation, x, y, w, h)
			*(*[4]byte)(to.Pix[to.PixOffset(x, y):]) = [4]byte(from.Pix[from.PixOffset(sx, sy):])
		}
	}
	return to
}

// source is where what is shown at a place of an upright picture of a size is stored.
func source(orientation, x, y, w, h int) (sx, sy int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, w - 1 - x
	case 7:
		return h - 1 - y, w - 1 - x
	default: // 8
		return h - 1 - y, x
	}
}
