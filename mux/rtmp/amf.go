package rtmp

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AMF0 markers (Adobe AMF0 2.1).
const (
	amfNumber      = 0
	amfBoolean     = 1
	amfString      = 2
	amfObject      = 3
	amfNull        = 5
	amfUndefined   = 6
	amfECMAArray   = 8
	amfObjectEnd   = 9
	amfStrictArray = 10
	amfDate        = 11
	amfLongString  = 12
)

// Bounds of a command. A connect command has about 15 values, two deep; with codec lists 40, three deep.
const (
	maxDepth  = 8
	maxValues = 512
)

// Object is an AMF0 object or ECMA array.
type Object map[string]any

// amfDecoder reads values: float64, bool, string, Object, []any, or nil. It is bounded in depth and number.
type amfDecoder struct {
	b      []byte
	values int
}

// DecodeAMF reads all values of a command: float64, bool, string, Object, []any, or nil. It is bounded in depth and
// number of values.
//
// Errors: ErrProtocol, ErrTooMuch.
func DecodeAMF(b []byte) ([]any, error) {
	d := amfDecoder{b: b}
	var out []any
	for len(d.b) > 0 {
		v, err := d.value(0)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (d *amfDecoder) take(n int) ([]byte, error) {
	if n > len(d.b) {
		return nil, fmt.Errorf("%w: AMF0 cut short", ErrProtocol)
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b, nil
}

func (d *amfDecoder) value(depth int) (any, error) {
	if d.values++; depth > maxDepth || d.values > maxValues {
		return nil, fmt.Errorf("%w: AMF0 of too many values", ErrTooMuch)
	}
	marker, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch marker[0] {
	case amfNumber:
		return d.number()
	case amfBoolean:
		b, err := d.take(1)
		return err == nil && b[0] != 0, err
	case amfString:
		return d.text(2)
	case amfLongString:
		return d.text(4)
	case amfObject:
		return d.object(depth)
	case amfECMAArray:
		if _, err := d.take(4); err != nil { // how many there are, which is a hint
			return nil, err
		}
		return d.object(depth)
	case amfStrictArray:
		return d.array(depth)
	case amfDate:
		_, err := d.take(10)
		return nil, err
	case amfNull, amfUndefined:
		return nil, nil
	default:
		return nil, fmt.Errorf("%w: AMF0 marker %d", ErrProtocol, marker[0])
	}
}

func (d *amfDecoder) number() (any, error) {
	b, err := d.take(8)
	if err != nil {
		return nil, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

// text reads a string behind a length of 2 or 4 bytes.
func (d *amfDecoder) text(size int) (string, error) {
	b, err := d.take(size)
	if err != nil {
		return "", err
	}
	n := 0
	for _, v := range b {
		n = n<<8 | int(v)
	}
	b, err = d.take(n)
	return string(b), err
}

func (d *amfDecoder) object(depth int) (any, error) {
	out := make(Object)
	for {
		name, err := d.text(2)
		if err != nil {
			return nil, err
		}
		if len(d.b) > 0 && name == "" && d.b[0] == amfObjectEnd {
			d.b = d.b[1:]
			return out, nil
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
}

func (d *amfDecoder) array(depth int) (any, error) {
	b, err := d.take(4)
	if err != nil {
		return nil, err
	}
	var out []any
	for range binary.BigEndian.Uint32(b) {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Property is a member of an object that goes out: order counts for some clients.
type Property struct {
	Name  string
	Value any
}

// Prop is a Property.
func Prop(name string, value any) Property { return Property{Name: name, Value: value} }

// AppendAMF appends values: float64, bool, string, []Property (an object), []any (a strict array), or nil.
func AppendAMF(dst []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case float64:
			dst = binary.BigEndian.AppendUint64(append(dst, amfNumber), math.Float64bits(v))
		case bool:
			dst = append(dst, amfBoolean, 0)
			if v {
				dst[len(dst)-1] = 1
			}
		case string:
			dst = appendName(append(dst, amfString), v)
		case []Property:
			dst = append(dst, amfObject)
			for _, p := range v {
				dst = AppendAMF(appendName(dst, p.Name), p.Value)
			}
			dst = append(dst, 0, 0, amfObjectEnd)
		case []any:
			dst = binary.BigEndian.AppendUint32(append(dst, amfStrictArray), uint32(len(v)))
			dst = AppendAMF(dst, v...)
		default:
			dst = append(dst, amfNull)
		}
	}
	return dst
}

// appendName appends a string behind its length in 16 bits; a longer one is cut.
func appendName(dst []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}
