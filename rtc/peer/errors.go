package peer

import "errors"

// Why a connection did not come about or is over.
var (
	ErrNoPath      = errors.New("no path to the peer was found")                     // in time
	ErrHandshake   = errors.New("no keys were agreed on")                            // the DTLS handshake failed or took too long
	ErrFingerprint = errors.New("the certificate is not the one that was announced") // RFC 8122 6.2
	ErrLost        = errors.New("the path to the peer was lost")                     // nothing was heard of it (RFC 7675)
	ErrGone        = errors.New("the peer has closed the connection")                // by DTLS
	ErrClosed      = errors.New("the connection is closed")                          // by us
)

// What calls refuse.
var (
	ErrNotConnected = errors.New("the connection is not up")            // yet, so there are no keys
	ErrTooLarge     = errors.New("the packet is too large")             // for maxPacket
	ErrTooMany      = errors.New("there are too many candidates")       // of the remote side
	ErrBadRemote    = errors.New("the remote side cannot be talked to") // its description lacks something
)
