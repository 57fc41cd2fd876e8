package publish

import (
	"encoding/binary"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// lossFactory makes the interceptor next to the network that loses what Options.DropRTP says. Behind the
// history of sent packets and the transport-wide sequence numbers, it looks to both ends like a lossy network.
type lossFactory struct {
	drop func(seq uint16, video bool) bool
}

func (f lossFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &loss{drop: f.drop}, nil
}

type loss struct {
	interceptor.NoOp
	drop func(seq uint16, video bool) bool
}

func (l *loss) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	video := info.ClockRate == videoRate
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		seq := h.SequenceNumber
		if info.SSRCRetransmission != 0 && h.SSRC == info.SSRCRetransmission && len(payload) >= 2 {
			seq = binary.BigEndian.Uint16(payload) // RFC 4588 4: the original sequence number
		}
		if l.drop(seq, video) {
			return h.MarshalSize() + len(payload), nil
		}
		return next.Write(h, payload, a)
	})
}
