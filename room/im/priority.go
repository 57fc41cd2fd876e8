package im

// Priority says which messages of a room go first when there are more than may be sent.
type Priority uint8

// The priorities, the most important first. The zero value is Normal, which is what a message has that names none.
const (
	Normal Priority = iota
	High
	Low
	Lowest
)

// Rank orders priorities: 0 for High, 3 for Lowest.
func (p Priority) Rank() int {
	switch p {
	case High:
		return 0
	case Normal:
		return 1
	case Low:
		return 2
	default:
		return 3
	}
}

// String is the priority as clients write it.
func (p Priority) String() string {
	switch p {
	case High:
		return "High"
	case Low:
		return "Low"
	case Lowest:
		return "Lowest"
	default:
		return "Normal"
	}
}

// ParsePriority reads a priority; its case matters, and empty is Normal.
func ParsePriority(s string) (Priority, bool) {
	for _, p := range [...]Priority{Normal, High, Low, Lowest} {
		if s == p.String() {
			return p, true
		}
	}
	return Normal, s == ""
}

// MarshalText is the priority as clients write it.
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a priority.
func (p *Priority) UnmarshalText(text []byte) error {
	got, ok := ParsePriority(string(text))
	if !ok {
		return ErrBadPriority
	}
	*p = got
	return nil
}
