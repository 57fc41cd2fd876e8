package peer

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// overhead is what encryption adds to a packet at most: the tag of GCM (RFC 7714 13.2).
const overhead = 16

// sealer encrypts RTP. It is not safe for concurrent use.
type sealer struct {
	gcm     cipher.AEAD // nil with other profiles
	salt    [12]byte
	nonce   [12]byte
	sources []source
	other   *srtp.Context
	header  rtp.Header // scratch
}

// source is where the packets of an SSRC have got to: roll-over counter and sequence number as one (RFC 3711 3.3.1).
type source struct {
	ssrc    uint32
	highest int64
}

func newSealer(profile srtp.ProtectionProfile, key, salt []byte) (*sealer, error) {
	switch profile {
	case srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm:
		return newGCM(key, salt)
	default:
		c, err := srtp.CreateContext(key, salt, profile)
		if err != nil {
			return nil, err
		}
		return &sealer{other: c}, nil
	}
}

func newGCM(key, salt []byte) (*sealer, error) {
	master, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derive(master, salt, 0, len(key)))
	if err != nil {
		return nil, err
	}
	s := new(sealer)
	if s.gcm, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	copy(s.salt[:], derive(master, salt, 2, len(s.salt)))
	return s, nil
}

// derive makes a session key (RFC 3711 4.3.1), by AES-CM and without key derivation rate (RFC 7714 11).
func derive(master cipher.Block, salt []byte, label byte, size int) []byte {
	var in [aes.BlockSize]byte
	copy(in[:14], salt) // the salt of GCM has 12 bytes, and zeros stand behind it
	in[7] ^= label
	out := make([]byte, size)
	cipher.NewCTR(master, in[:]).XORKeyStream(out, out)
	return out
}

// seal writes the packet to dst, encrypted, and returns its size. dst has room for it.
func (s *sealer) seal(dst []byte, h *rtp.Header, payload []byte) (int, error) {
	n, err := h.MarshalTo(dst)
	if err != nil {
		return 0, err
	}
	if s.gcm == nil {
		plain := dst[:n+copy(dst[n:], payload)]
		out, err := s.other.EncryptRTP(dst[:0], plain, &s.header)
		return len(out), err
	}
	index, err := s.index(h.SSRC, h.SequenceNumber)
	if err != nil {
		return 0, err
	}
	// RFC 7714 8.1: two zeros, SSRC, roll-over counter and sequence number, and the salt over it all.
	s.nonce = s.salt
	xor32(s.nonce[2:], h.SSRC)
	xor32(s.nonce[6:], uint32(index>>16))
	s.nonce[10] ^= byte(index >> 8)
	s.nonce[11] ^= byte(index)
	out := s.gcm.Seal(dst[n:n], s.nonce[:], payload, dst[:n])
	return n + len(out), nil
}

func xor32(b []byte, v uint32) {
	binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)^v)
}

// index is a packet's number since the source began. The next one is never half a round away from the highest.
func (s *sealer) index(ssrc uint32, number uint16) (int64, error) {
	for i := range s.sources {
		src := &s.sources[i]
		if src.ssrc != ssrc {
			continue
		}
		index := src.highest + int64(int16(number-uint16(src.highest)))
		switch {
		case index < 0:
			return 0, fmt.Errorf("packet %d is from before the first", number)
		case index >= 1<<48: // RFC 3711 9.2: as many as a key may secure
			return 0, fmt.Errorf("source %d has used up its key", ssrc)
		}
		src.highest = max(src.highest, index)
		return index, nil
	}
	s.sources = append(s.sources, source{ssrc, int64(number)})
	return int64(number), nil
}
