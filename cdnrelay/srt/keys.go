package srt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- draft 6.1.4 defines it so
	"encoding/binary"
	"fmt"
)

const (
	saltSize   = 16
	iterations = 2048 // draft 6.1.4
)

// secrecy encrypts what is sent with a key of its own, the even one of the connection.
type secrecy struct {
	block cipher.Block
	salt  [saltSize]byte
	key   []byte
}

// newSecrecy makes a key of size bytes: 16, 24 or 32.
func newSecrecy(size int) (*secrecy, error) {
	s := &secrecy{key: make([]byte, size)}
	_, _ = rand.Read(s.key) // never fails
	_, _ = rand.Read(s.salt[:])
	var err error
	if s.block, err = aes.NewCipher(s.key); err != nil {
		return nil, fmt.Errorf("cannot make a key: %w", err)
	}
	return s, nil
}

// apply encrypts the payload of a packet in place (draft 6.2.2).
func (s *secrecy) apply(payload []byte, sequence uint32) {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint32(counter[10:], sequence)
	for i := range counter[:14] {
		counter[i] ^= s.salt[i]
	}
	cipher.NewCTR(s.block, counter[:]).XORKeyStream(payload, payload)
}

// message is the key material message (draft 3.2.2), in which the key is wrapped with one made of the passphrase.
func (s *secrecy) message(passphrase string) ([]byte, error) {
	// Draft 6.1.4: the lower 64 bits of the salt.
	wrapping, err := pbkdf2.Key(sha1.New, passphrase, s.salt[8:], iterations, len(s.key))
	if err != nil {
		return nil, fmt.Errorf("cannot make a key of the passphrase: %w", err)
	}
	wrapped, err := wrap(wrapping, s.key)
	if err != nil {
		return nil, err
	}
	b := []byte{
		0x12, 0x20, 0x29, // version 1, key material; signature
		0x01,       // the even key
		0, 0, 0, 0, // KEKI: the default one
		2, 0, // AES-CTR, no authentication
		2, 0, // SRT, reserved
		0, 0, saltSize / 4, byte(len(s.key) / 4),
	}
	b = append(b, s.salt[:]...)
	return append(b, wrapped...), nil
}

// wrap is the AES key wrap of RFC 3394 2.2.1.
func wrap(with, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(with)
	if err != nil {
		return nil, fmt.Errorf("cannot wrap the key: %w", err)
	}
	out := append([]byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, key...)
	var b [aes.BlockSize]byte
	copy(b[:8], out)
	for t := range 6 * len(key) / 8 {
		at := 8 + t*8%len(key)
		copy(b[8:], out[at:at+8])
		block.Encrypt(b[:], b[:])
		copy(out[at:], b[8:])
		for i, c := range binary.BigEndian.AppendUint64(nil, uint64(t+1)) {
			b[i] ^= c
		}
	}
	copy(out, b[:8])
	return out, nil
}
