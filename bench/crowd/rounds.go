package crowd

import "time"

// Rounds are the pictures of a recording that is sent over and over.
type Rounds struct {
	once   *Pictures // of the first round
	length time.Duration
}

// NewRounds says when a picture of the recording is sent: in the first round at the time that once has, then after
// every length again.
func NewRounds(once *Pictures, length time.Duration) *Rounds {
	return &Rounds{once: once, length: length}
}

// Find finds the newest sending of the NAL unit that is not in the future.
func (r *Rounds) Find(nal []byte) (Picture, bool) {
	p, ok := r.once.Find(nal)
	if !ok {
		return p, false
	}
	if round := int(time.Since(p.Sent) / r.length); round > 0 {
		p.Sent = p.Sent.Add(time.Duration(round) * r.length)
		p.N += round * r.once.Count()
	}
	return p, true
}
