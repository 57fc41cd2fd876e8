package crowd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"weir/bench/measure"
)

// ErrNoParts means that low latency was asked for and the playlist has no parts, or no blocking reload.
var ErrNoParts = errors.New("the playlist has no low latency")

// retryAfter is how long a player waits that got no playlist yet.
const retryAfter = time.Second

// HLS is what all players of a crowd count together.
type HLS struct {
	Requests, Bytes, Stalls, Failures atomic.Uint64
	Playing                           atomic.Int64 // players whose playback has begun
}

// HLSPlayer is one viewer of HLS, who keeps to RFC 8216bis: it begins the hold-back away from the playlist's end, asks
// for the playlist once a target duration, or waits in a blocking reload where the server has that, and gets every
// segment or part once.
type HLSPlayer struct {
	crowd      *HLS
	addr, path string
	agent      string
	lowLatency bool
	pictures   *Record // nil when nobody looks at them

	conn    *httpConn
	text    []byte
	init    string
	last    piece
	began   time.Time     // when playback would have begun, had it never stalled; zero before
	has     time.Duration // media since then
	from    time.Duration // media before the beginning, in the first piece
	behind  atomic.Int64  // ns
	changed bool          // whether the last reload brought something
}

// NewPlayer is a player of http://addr/path, a multivariant playlist. Its name tells the server that it is not another
// one. Without lowLatency it takes no notice of parts. With a source it looks at every picture.
func (h *HLS) NewPlayer(addr, path, name string, lowLatency bool, pictures Source) *HLSPlayer {
	p := &HLSPlayer{crowd: h, addr: addr, path: path, agent: name, lowLatency: lowLatency}
	if pictures != nil {
		p.pictures = newRecord(pictures)
	}
	return p
}

// Record is what it saw; nil without a source.
func (p *HLSPlayer) Record() *Record { return p.pictures }

// Behind is how far behind the capture the player plays, by the times in the playlist; 0 when unknown.
func (p *HLSPlayer) Behind() time.Duration { return time.Duration(p.behind.Load()) }

// Run plays until ctx ends, which is no error, or the stream does.
func (p *HLSPlayer) Run(ctx context.Context) error {
	conn, err := dialHTTP(ctx, p.addr, p.agent)
	if err != nil {
		return err
	}
	p.conn = conn
	defer conn.close()
	defer context.AfterFunc(ctx, conn.close)()
	return unasked(ctx, p.play(ctx))
}

func (p *HLSPlayer) play(ctx context.Context) error {
	if err := p.multivariant(ctx); err != nil {
		return err
	}
	for first, list := true, (playlist{}); ; first = false {
		begin := time.Now()
		var err error
		if list, err = p.reload(list); err != nil {
			return err
		}
		if err := p.take(&list, first); err != nil || list.ended {
			return err
		}
		if list.block && p.changed {
			continue
		}
		// RFC 8216bis 6.3.4: a target duration after the last one, or half of it if nothing was new.
		wait := list.target
		if !p.changed {
			wait /= 2
		}
		if err := measure.Wait(ctx, wait-time.Since(begin)); err != nil {
			return err
		}
	}
}

// multivariant asks for the media playlist's address until there is one.
func (p *HLSPlayer) multivariant(ctx context.Context) error {
	for {
		p.text = p.text[:0]
		status, err := p.get(p.path, &p.text)
		if err != nil {
			return err
		}
		if status == http.StatusOK {
			break
		}
		if status != http.StatusServiceUnavailable {
			return fmt.Errorf("cannot play: status %d", status)
		}
		if err := measure.Wait(ctx, retryAfter); err != nil {
			return err
		}
	}
	uri := firstVariant(p.text)
	if uri == "" {
		return errors.New("cannot play: the playlist has no variant")
	}
	p.path = path.Join(path.Dir(p.path), uri)
	return nil
}

// reload gets the media playlist, newer than the one before if the server lets players wait for that.
func (p *HLSPlayer) reload(before playlist) (playlist, error) {
	uri := p.path
	if before.block {
		more := "?"
		if strings.Contains(uri, "?") {
			more = "&"
		}
		uri = fmt.Sprintf("%s%s_HLS_msn=%d&_HLS_part=%d", uri, more, before.nextSequence, before.nextPart)
	}
	p.text = p.text[:0]
	status, err := p.get(uri, &p.text)
	if err != nil {
		return before, err
	}
	if status != http.StatusOK {
		p.crowd.Failures.Add(1)
		return before, nil
	}
	list := parsePlaylist(p.text, p.lowLatency)
	if p.lowLatency && !list.block {
		return list, ErrNoParts
	}
	return list, nil
}

// take gets what is new in the playlist.
func (p *HLSPlayer) take(list *playlist, first bool) error {
	i := list.after(p.last)
	if first {
		i, p.from = list.start()
	}
	p.changed = i < len(list.pieces)
	if p.changed && list.init != p.init {
		if _, err := p.get(p.sibling(list.init), nil); err != nil {
			return err
		}
		p.init = list.init
	}
	for ; i < len(list.pieces); i++ {
		if err := p.media(list.pieces[i]); err != nil {
			return err
		}
	}
	return nil
}

// media gets a segment or part and plays on.
func (p *HLSPlayer) media(x piece) error {
	var dst *[]byte
	if p.pictures != nil {
		p.text = p.text[:0]
		dst = &p.text
	}
	status, err := p.get(p.sibling(x.uri), dst)
	if err != nil {
		return err
	}
	p.last = x
	if status != http.StatusOK {
		p.crowd.Failures.Add(1)
		return nil
	}
	p.advance(x)
	if dst == nil {
		return nil
	}
	return p.look(*dst)
}

// advance adds a piece to what can be played. When it comes after all before it was played, the player has stalled.
func (p *HLSPlayer) advance(x piece) {
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.has = now, -p.from
		p.crowd.Playing.Add(1)
	}
	if late := now.Sub(p.began.Add(p.has)); late > 0 && p.has > 0 {
		p.crowd.Stalls.Add(1)
		p.began = p.began.Add(late)
	}
	if !x.wall.IsZero() {
		// The piece's beginning is to be played has after the beginning.
		p.behind.Store(int64(p.began.Add(p.has).Sub(x.wall)))
	}
	p.has += x.duration
}

// look shows the pictures of a segment or part to the record.
func (p *HLSPlayer) look(data []byte) error {
	var parts fmp4.Parts
	if err := parts.Unmarshal(data); err != nil {
		return fmt.Errorf("cannot read a segment: %w", err)
	}
	for _, part := range parts {
		for _, track := range part.Tracks {
			for _, sample := range track.Samples {
				each(sample.Payload, p.pictures.saw)
			}
		}
	}
	return nil
}

// get asks for a path.
func (p *HLSPlayer) get(uri string, dst *[]byte) (status int, err error) {
	status, size, err := p.conn.get(uri, dst)
	p.crowd.Requests.Add(1)
	p.crowd.Bytes.Add(uint64(size))
	return status, err
}

// sibling is the path of a file beside the media playlist.
func (p *HLSPlayer) sibling(uri string) string {
	list, _, _ := strings.Cut(p.path, "?")
	return path.Join(path.Dir(list), uri)
}
