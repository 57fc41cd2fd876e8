package origin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"weir/room/audience"
	"weir/room/auth"
)

// secretHeader carries a puller's secret.
const secretHeader = "X-Weir-Puller"

// puller is a Puller and its pulls.
type puller struct {
	Puller

	partner auth.Partner
	secret  [sha256.Size]byte // of Secret, so that its length does not tell in a comparison
	active  atomic.Int64
	sent    atomic.Uint64 // bytes
	counts  [outcomes]atomic.Uint64
}

// outcome is what became of a pull.
type outcome uint8

const (
	served  outcome = iota
	full            // refused: there were MaxPulls
	refused         // on the puller's own domain, without its proof
	outcomes
)

var outcomeNames = [outcomes]string{"served", "full", "refused"}

func newPuller(p Puller, defaultApp int) *puller {
	if p.App == auth.DefaultApp {
		p.App = defaultApp
	}
	return &puller{
		Puller: p, secret: sha256.Sum256([]byte(p.Secret)),
		partner: auth.Partner{App: p.App, Dialect: p.Dialect, Keys: p.Keys},
	}
}

// claim is how a request is a puller's.
type claim uint8

const (
	none   claim = iota
	passed       // it passes on a viewer's request, which still has to prove itself
	proven       // it proves that it is the puller
)

// claims says whether a request to play is the puller's.
func (p *puller) claims(h http.Header, peer netip.Addr, asked *auth.Request, now time.Time) claim {
	if len(p.Networks) > 0 && !slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(peer) }) {
		return none
	}
	if asked.App != p.App {
		return none
	}
	switch signs := p.Keys.Primary != ""; {
	case p.Secret != "" && p.isSecret(h.Get(secretHeader)):
		return proven
	case signs && p.partner.Verify(asked, now) == nil:
		return proven
	case signs || p.Secret != "" || len(p.Networks) == 0:
		return none
	case p.Trusted:
		return proven
	default:
		return passed
	}
}

func (p *puller) isSecret(sent string) bool {
	sum := sha256.Sum256([]byte(sent))
	return subtle.ConstantTimeCompare(sum[:], p.secret[:]) == 1
}

// begin takes a place for a pull; nil when there is none.
func (p *puller) begin(by claim) *audience.Pull {
	if p.active.Add(1) > int64(p.MaxPulls) {
		p.active.Add(-1)
		return nil
	}
	pull := audience.NewPull(&p.sent, func() { p.active.Add(-1) })
	pull.Shared = by == proven
	return pull
}
