package rtp

// packer collects the payloads of one access unit in a buffer that it keeps from unit to unit.
type packer struct {
	max   int // bytes of a payload
	bytes []byte
	ends  []int // of each payload in bytes
}

func (p *packer) reset(limit int) { p.max, p.bytes, p.ends = limit, p.bytes[:0], p.ends[:0] }

// end closes the payload that was appended to bytes.
func (p *packer) end() { p.ends = append(p.ends, len(p.bytes)) }

// payloads returns copies of them all, which share one buffer.
func (p *packer) payloads() [][]byte {
	buf := make([]byte, len(p.bytes))
	copy(buf, p.bytes)
	out := make([][]byte, len(p.ends))
	begin := 0
	for i, end := range p.ends {
		out[i] = buf[begin:end:end]
		begin = end
	}
	return out
}

// even is the size of the pieces into which n bytes are cut so that none is larger than limit and all are equal, the last
// one excepted, which is no larger: a system call can then send them all (UDP_SEGMENT). Both are positive.
func even(n, limit int) int {
	pieces := (n + limit - 1) / limit
	return (n + pieces - 1) / pieces
}
