package udp

import "sync"

const (
	// maxBytes is what a batch holds: less than a UDP datagram, since the kernel takes a run of datagrams as one.
	maxBytes = 64000
	// maxDatagrams is UDP_MAX_SEGMENTS of the kernels up to 6.8.
	maxDatagrams = 64
)

// Batch collects datagrams for one destination, each written straight to where it is sent from. It is not safe for
// concurrent use.
type Batch struct {
	buf    [maxBytes]byte
	ends   [maxDatagrams]int // where each datagram ends in buf
	n      int
	system system
}

var batches = sync.Pool{New: func() any {
	b := new(Batch)
	b.system.init()
	return b
}}

// Take returns an empty batch out of a pool. It is large, so it is held for as long as a picture is written and no longer.
func Take() *Batch { return batches.Get().(*Batch) }

// Release gives the batch back. What it holds is not sent.
func (b *Batch) Release() {
	b.n = 0
	batches.Put(b)
}

// Len is the number of datagrams.
func (b *Batch) Len() int { return b.n }

// Room is where the next datagram is written: what is left, or nothing when the batch is full.
func (b *Batch) Room() []byte {
	if b.n == maxDatagrams {
		return nil
	}
	return b.buf[b.start(b.n):]
}

// Add makes the first size bytes of Room the next datagram.
func (b *Batch) Add(size int) {
	b.ends[b.n] = b.start(b.n) + size
	b.n++
}

func (b *Batch) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

func (b *Batch) size(i int) int { return b.ends[i] - b.start(i) }

// run is how many datagrams from the i-th on are of one size; the last of them may be shorter.
func (b *Batch) run(i int) int {
	size := b.size(i)
	n := 1
	for i+n < b.n && b.size(i+n) == size {
		n++
	}
	if i+n < b.n && b.size(i+n) < size {
		n++
	}
	return n
}
