package pull

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"net/url"

	"weir/mux/hls"
)

// maxKeys bounds the keys that are remembered of a rendition. Playlists name another one now and then, or one for each segment.
const maxKeys = 16

// readable tells whether something that is encrypted so can be read.
func readable(k hls.KeyRef) bool { return k.Method == "" || k.Method == hls.MethodAES128 }

// keys are those of a rendition's segments, by their addresses: each is fetched once. They stand in no error and no log.
type keys map[string]cipher.Block

// decrypted is a segment or an initialization section as it is without its encryption; number is that of the segment. It changes
// data.
//
// Errors: ErrFormat for what the key does not fit, those of fetching the key.
func (r *rendition) decrypted(ctx context.Context, data []byte, k hls.KeyRef, number int64) ([]byte, error) {
	if k.Method == "" {
		return data, nil
	}
	block, err := r.key(ctx, k.URI)
	if err != nil {
		return nil, fmt.Errorf("cannot get the key of a segment: %w", err)
	}
	if !k.HasIV { // RFC 8216 5.2
		binary.BigEndian.PutUint64(k.IV[8:], uint64(number)) //nolint:gosec // it is not negative
	}
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: an encrypted segment of %d bytes", ErrFormat, len(data))
	}
	cipher.NewCBCDecrypter(block, k.IV[:]).CryptBlocks(data, data)
	return unpadded(data)
}

// unpadded takes off what fills up the last block (RFC 5652 6.3).
func unpadded(data []byte) ([]byte, error) {
	n := int(data[len(data)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, fmt.Errorf("%w: a segment is not encrypted with the key that the playlist names", ErrFormat)
	}
	for _, b := range data[len(data)-n:] {
		if int(b) != n {
			return nil, fmt.Errorf("%w: a segment is not encrypted with the key that the playlist names", ErrFormat)
		}
	}
	return data[:len(data)-n], nil
}

// key is the key at an address of the playlist.
func (r *rendition) key(ctx context.Context, uri string) (cipher.Block, error) {
	u, err := resolve(r.base, uri)
	if err != nil {
		return nil, err
	}
	if block, ok := r.keys[u.String()]; ok {
		return block, nil
	}
	block, err := r.fetchKey(ctx, u)
	if err != nil {
		return nil, err
	}
	if r.keys == nil || len(r.keys) >= maxKeys {
		r.keys = make(keys)
	}
	r.keys[u.String()] = block
	return block, nil
}

// fetchKey asks for a key: 16 bytes (RFC 8216 5.1).
func (r *rendition) fetchKey(ctx context.Context, u *url.URL) (cipher.Block, error) {
	answer, err := r.fetch.get(ctx, u, "") //nolint:bodyclose // read closes it
	if err != nil {
		return nil, err
	}
	const size = 16
	key, err := read(answer, size)
	if err != nil {
		return nil, err
	}
	if len(key) != size {
		return nil, fmt.Errorf("%w: a key of %d bytes", ErrFormat, len(key))
	}
	return aes.NewCipher(key)
}
