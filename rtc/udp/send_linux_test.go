package udp

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		errno unix.Errno
		count int
		one   bool
		want  verdict
		whole bool
		best  way
	}{
		"interrupted":               {errno: unix.EINTR, count: 1, want: again},
		"buffer full":               {errno: unix.EAGAIN, count: 3, want: full},
		"no buffers":                {errno: unix.ENOBUFS, count: 1, want: full},
		"no checksums":              {errno: unix.EIO, count: 3, want: again, whole: true},
		"segments above the MTU":    {errno: unix.EINVAL, count: 2, want: again, whole: true},
		"segments unknown":          {errno: unix.ENOPROTOOPT, count: 2, want: again, whole: true},
		"a datagram above the MTU":  {errno: unix.EMSGSIZE, count: 1, want: skip},
		"bad address":               {errno: unix.EINVAL, count: 1, want: fail},
		"no sendmmsg":               {errno: unix.ENOSYS, count: 1, want: again, best: single},
		"no sendmsg":                {errno: unix.ENOSYS, count: 1, one: true, want: fail},
		"no route":                  {errno: unix.ENETUNREACH, count: 2, want: fail},
		"forbidden by the firewall": {errno: unix.EPERM, count: 2, want: fail},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := new(Socket), new(Path)
			k := &system{errno: c.errno, one: c.one}
			k.counts[0] = c.count
			if got := s.judge(k, p); got != c.want || p.whole != c.whole || way(s.best.Load()) != c.best {
				t.Errorf("verdict %d, whole %t, best way %d", got, p.whole, s.best.Load())
			}
		})
	}
}

// A socket without checksums takes no segments: the kernel says so at the first run, and the datagrams leave as they are.
func TestARefusedRunLeavesInAnotherWay(t *testing.T) {
	conn, _ := open(t, "udp4", "127.0.0.1:0")
	receiver, to := open(t, "udp4", "127.0.0.1:0")
	s := newSocket(t, conn)
	if way(s.best.Load()) != segmented {
		t.Skip("this kernel has no segments")
	}
	var refused error
	if err := s.raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
	}); err != nil || refused != nil {
		t.Fatal(err, refused)
	}
	path, err := s.Path(to)
	if err != nil {
		t.Fatal(err)
	}
	b := Take()
	defer b.Release()
	for range 2 {
		want := fill(b, []int{30, 700, 700, 700, 900})
		if err := s.Send(b, path); err != nil {
			t.Fatal(err)
		}
		receive(t, receiver, want)
	}
	if f := s.Figures(); !path.whole || f.Datagrams != 10 || f.Dropped != 0 {
		t.Errorf("whole %t, figures %+v", path.whole, f)
	}
}

// A full buffer costs what does not fit and nobody's time.
func TestAFullBufferDropsTheRest(t *testing.T) {
	conn, to := open(t, "udp4", "127.0.0.1:0")
	s := newSocket(t, conn)
	path, err := s.Path(to)
	if err != nil {
		t.Fatal(err)
	}
	b := new(Batch)
	b.system.init()
	answers := []unix.Errno{0, unix.EAGAIN}
	b.system.call = func(uintptr) { // the first of three messages is taken
		b.system.errno, b.system.taken = answers[0], 0
		if answers[0] == 0 {
			b.system.taken = 1
		}
		answers = answers[1:]
	}
	fill(b, []int{100, 200, 300})
	if err := s.Send(b, path); err != nil {
		t.Fatal(err)
	}
	if f := s.Figures(); f != (Figures{Calls: 2, Datagrams: 1, Dropped: 2}) || b.Len() != 0 {
		t.Errorf("figures are %+v", f)
	}
}
