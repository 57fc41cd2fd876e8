package live

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

const testID = "1_demo_ann_main"

// Cloud convention /live/{streamid}: a stream with an id is found by it, and nobody else of its app may have it.
func TestStreamIDUnique(t *testing.T) {
	reg := runRegistry(t, testOptions())
	p := mustPublish(t, reg, PublishOptions{User: "ann", ID: testID})
	if s, ok := reg.Stream(IDKey("1", testID)); !ok || s.Key() != testKey || s.Info().ID != testID {
		t.Fatalf("got %v, %v", s, ok)
	}
	if _, ok := reg.Stream(IDKey("2", testID)); ok {
		t.Error("another app knows the id")
	}
	if _, err := reg.Publish(Key{"1", "demo", "cam2"}, PublishOptions{User: "ann", ID: testID}); !errors.Is(err, ErrIDTaken) {
		t.Errorf("a second stream with the id: got %v", err)
	}
	if _, ok := reg.Stream(Key{"1", "demo", "cam2"}); ok {
		t.Error("the stream that was refused is there")
	}
	if _, err := reg.Publish(Key{"2", "demo", "cam"}, PublishOptions{User: "ann", ID: testID}); err != nil {
		t.Errorf("the id in another app: %v", err)
	}
	p.End(errTest)
	if _, ok := reg.Stream(IDKey("1", testID)); ok {
		t.Error("the id outlived its stream")
	}
	if _, err := reg.Publish(Key{"1", "demo", "cam2"}, PublishOptions{User: "bob", ID: testID}); err != nil {
		t.Errorf("an id that is free again: %v", err)
	}
}

// An id of a mirrored stream is whose it says last: its own server may have given it to another stream by now. What is published
// here keeps the id before what is mirrored.
func TestStreamIDsOfMirrors(t *testing.T) {
	reg := runRegistry(t, testOptions())
	is := func(id string, want Key) {
		t.Helper()
		if s, ok := reg.Stream(IDKey("1", id)); ok != (want != Key{}) || ok && s.Key() != want {
			t.Errorf("%s is of %v, %v; want %v", id, s, ok, want)
		}
	}
	publish := func(k Key, o PublishOptions) *Publisher {
		t.Helper()
		p, err := reg.Publish(k, o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, two, own, late := Key{"1", "r", "one"}, Key{"1", "r", "two"}, Key{"1", "r", "own"}, Key{"1", "r", "late"}
	p := publish(one, PublishOptions{Mirror: true, User: "ann", ID: "a"})
	publish(two, PublishOptions{Mirror: true, User: "ann", ID: "a"})
	is("a", two)
	p.Rename("bob", "b")
	is("a", two)
	is("b", one)
	if i := p.Stream().Info(); i.User != "bob" || i.ID != "b" {
		t.Errorf("it is %q of %q", i.ID, i.User)
	}
	publish(own, PublishOptions{User: "ann", ID: "a"})
	is("a", own)
	publish(late, PublishOptions{Mirror: true, ID: "a"})
	is("a", own)
	p.Rename("ann", "a")
	is("a", own)
	is("b", Key{})
	p.Rename("bob", "b")
	p.End(errTest)
	is("b", Key{})
	p.Rename("bob", "b")
	is("b", Key{})
}

// Who comes back without the id keeps it; another publisher, or another id, takes its place.
func TestStreamIDOnTakeover(t *testing.T) {
	reg := runRegistry(t, testOptions())
	mustPublish(t, reg, PublishOptions{User: "ann", ID: testID})
	for _, step := range []struct {
		name string
		o    PublishOptions
		want string
	}{
		{"the same user, without", PublishOptions{User: "ann"}, testID},
		{"the same user, another", PublishOptions{User: "ann", ID: "other"}, "other"},
		{"another user, without", PublishOptions{User: "bob", Policy: PolicyReplace}, ""},
		{"another user, with", PublishOptions{User: "ann", Policy: PolicyReplace, ID: testID}, testID},
	} {
		s := mustPublish(t, reg, step.o).Stream()
		if got := s.Info().ID; got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
		for _, id := range []string{testID, "other"} {
			if _, ok := reg.Stream(IDKey("1", id)); ok != (id == step.want) {
				t.Errorf("%s: %q is known: %v", step.name, id, ok)
			}
		}
	}
}

// Who waits for an id gets the stream, and sources elsewhere hear of the wish.
func TestAwaitStreamID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Wait, o.MaxWaiting = time.Minute, 2
		reg := runRegistry(t, o)
		wishes := reg.Wanted()
		defer wishes.Close()
		got := make(chan *Stream)
		go func() {
			s, err := reg.Await(t.Context(), IDKey("1", testID))
			if err != nil {
				t.Error(err)
			}
			got <- s
		}()
		if k, err := wishes.Next(context.Background()); err != nil || !k.IsID() || k != IDKey("1", testID) {
			t.Errorf("wanted %v, %v", k, err)
		}
		if !reg.Awaited(IDKey("1", testID)) {
			t.Error("nobody waits")
		}
		mustPublish(t, reg, PublishOptions{User: "ann"})
		synctest.Wait()
		if reg.Waiting() != 1 {
			t.Error("a stream without an id is taken for one that has it")
		}
		mustPublish(t, reg, PublishOptions{User: "ann", ID: testID})
		if s := <-got; s == nil || s.Key() != testKey {
			t.Errorf("got %v", s)
		}
	})
}
