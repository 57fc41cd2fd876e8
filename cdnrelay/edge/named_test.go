package edge

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"weir/room/live"
)

// TestEdgeFollowsATakeover: who publishes, and under which stream id, is so at the node in front as well; and the id that became
// free is another stream's there, too.
func TestEdgeFollowsATakeover(t *testing.T) {
	origin := run(t, nil)
	front := run(t, nil, origin.url())
	s := newShow(t, origin.publish(t, live.PublishOptions{User: "ann", ID: "one"}))
	s.run(5)
	there := front.await(t)
	next := newShow(t, origin.publish(t, live.PublishOptions{User: "bob", ID: "two", Policy: live.PolicyReplace}))
	next.at = s.at
	next.run(5)
	eventually(t, "the stream has its new id", func() bool {
		found, ok := front.hub.Stream(live.IDKey(testKey.App, "two"))
		return ok && found == there
	})
	if i := there.Info(); i.User != "bob" || i.ID != "two" {
		t.Errorf("it is %q of %q", i.ID, i.User)
	}
	if old, ok := front.hub.Stream(live.IDKey(testKey.App, "one")); ok {
		t.Errorf("by its old id there is %v", old.Key())
	}
	other := testKey
	other.Stream = "other"
	p, err := origin.hub.Publish(other, live.PublishOptions{User: "ann", ID: "one", Tracks: 2, Layers: []string{"l", "h"}})
	if err != nil {
		t.Fatal(err)
	}
	newShow(t, p).run(5)
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	if got, err := front.hub.Await(ctx, live.IDKey(testKey.App, "one")); err != nil || got.Key() != other {
		t.Errorf("by the old id there is %v, %v", got, err)
	}
}

// TestLostStreamIsAskedForByItsName: a stream that was found by its id is looked for by its room and name when it was lost. The id
// may be that of another one by then.
func TestLostStreamIsAskedForByItsName(t *testing.T) {
	at := &handler{}
	origin := runBehind(t, at, nil)
	nodes := at.h
	var mu sync.Mutex
	var asked []string
	at.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Path)
		mu.Unlock()
		nodes.ServeHTTP(w, r)
	}))
	address := httpAt(t, at)
	front := run(t, nil, address.URL)
	newShow(t, origin.publish(t, live.PublishOptions{ID: "one"})).run(5)
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	there, err := front.hub.Await(ctx, live.IDKey(testKey.App, "one"))
	if err != nil {
		t.Fatal(err)
	}
	isState(t, there, live.StateLive)
	address.CloseClientConnections()
	eventually(t, "it is asked for again, by its name", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(asked) > 1 && asked[len(asked)-1] == "/edge/1400000000/demo room/cam"
	})
}
