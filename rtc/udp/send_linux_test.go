package udp

import (
	"testing"
	"testing/synctest"
	"time"

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

// A full buffer is waited for, for a moment and in all; then it costs what does not fit.
func TestAFullBuffer(t *testing.T) {
	taken, busy := unix.Errno(0), unix.EAGAIN
	for name, c := range map[string]struct {
		answers []unix.Errno // the last one is repeated
		want    Figures
		took    time.Duration
	}{
		"at once":        {[]unix.Errno{taken}, Figures{Calls: 3, Datagrams: 3}, 0},
		"for a moment":   {[]unix.Errno{taken, busy, busy, taken}, Figures{Calls: 5, Datagrams: 3}, 2 * pause},
		"for too long":   {[]unix.Errno{taken, busy}, Figures{Calls: 22, Datagrams: 1, Dropped: 2}, patience},
		"again and long": {[]unix.Errno{busy, taken, busy}, Figures{Calls: 22, Datagrams: 1, Dropped: 2}, patience},
	} {
		t.Run(name, func(t *testing.T) {
			conn, to := open(t, "udp4", "127.0.0.1:0")
			s := newSocket(t, conn)
			path, err := s.Path(to)
			if err != nil {
				t.Fatal(err)
			}
			b := new(Batch)
			b.system.init()
			b.system.call = func(uintptr) { // one of three messages at a time
				b.system.errno, b.system.taken = c.answers[0], 0
				if b.system.errno == taken {
					b.system.taken = 1
				}
				if len(c.answers) > 1 {
					c.answers = c.answers[1:]
				}
			}
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				fill(b, []int{100, 200, 300})
				if err := s.Send(b, path); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took != c.took {
					t.Errorf("it took %v", took)
				}
			})
			if f := s.Figures(); f != c.want || b.Len() != 0 {
				t.Errorf("figures are %+v", f)
			}
		})
	}
}
